#!/usr/bin/env escript
%% SPDX-License-Identifier: BSD-3-Clause
%%
%% p1_stun as a TURN server of its own, set up by the environment of a launched target (docs/profiles.md). It listens on
%% UDP and TCP at ASSAY_PORT, on TLS at ASSAY_TLS_PORT, at ASSAY_ADDRESS and at ASSAY_ADDRESS6 where there is one, until
%% it is ended. A user is looked up by name and realm, as ejabberd does it.
%%! -noinput +S 2:2 +A 4

main([]) ->
    {ok, _} = application:ensure_all_started(stun),
    First = address("ASSAY_ADDRESS"),
    Second = address("ASSAY_ADDRESS6"),
    Realm = list_to_binary(os:getenv("ASSAY_REALM")),
    Users = users(lines("ASSAY_USERS")),
    Password = fun(Name, Of) when Of == Realm -> maps:get(Name, Users, <<>>);
                  (_, _) -> <<>>
               end,
    Options = [use_turn, {auth_type, user}, {auth_realm, Realm}, {auth_fun, Password},
               {turn_ipv4_address, First},
               %% Below what the kernel hands out as ephemeral ports (32768 and up), so that nobody else takes them.
               {turn_min_port, 20000}, {turn_max_port, 29999},
               %% No quotas: scenarios overlap, and a 486 or 508 would decide none of them.
               {turn_max_allocations, infinity}, {turn_max_permissions, infinity}
               | [{turn_ipv6_address, Second} || Second /= none]],
    Addresses = [Address || Address <- [First, Second], Address /= none],
    [listen(Address, port("ASSAY_PORT"), Protocol, Options) || Address <- Addresses, Protocol <- [udp, tcp]],
    case os:getenv("ASSAY_TLS_PORT") of
        false -> ok;
        _ ->
            %% fast_tls takes the certificate and its key from one file.
            File = filename:join(os:getenv("ASSAY_FOLDER"), "certificate.pem"),
            {ok, Certificate} = file:read_file(os:getenv("ASSAY_CERTIFICATE")),
            {ok, Key} = file:read_file(os:getenv("ASSAY_PRIVATE_KEY")),
            ok = file:write_file(File, <<>>),
            ok = file:change_mode(File, 8#600),
            ok = file:write_file(File, [Certificate, "\n", Key]),
            [listen(Address, port("ASSAY_TLS_PORT"), tls, [{certfile, list_to_binary(File)} | Options])
             || Address <- Addresses]
    end,
    receive after infinity -> ok end.

listen(Address, Port, Protocol, Options) ->
    case stun_listener:add_listener(Address, Port, Protocol, Options) of
        ok -> ok;
        {error, Reason} ->
            io:format(standard_error, "p1-stun.escript: cannot listen on ~s at ~s port ~b: ~s~n",
                      [Protocol, inet:ntoa(Address), Port, inet:format_error(Reason)]),
            halt(1)
    end.

address(Variable) ->
    case os:getenv(Variable) of
        false -> none;
        Text -> {ok, Address} = inet:parse_address(Text), Address
    end.

port(Variable) -> list_to_integer(os:getenv(Variable)).

lines(Variable) -> string:lexemes(os:getenv(Variable, ""), "\n").

%% Lines NAME:PASSWORD; the name ends at the first colon.
users(Lines) ->
    maps:from_list([begin
                        [Name, Password] = string:split(Line, ":"),
                        {unicode:characters_to_binary(Name), unicode:characters_to_binary(Password)}
                    end || Line <- Lines]).
