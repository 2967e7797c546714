// SPDX-License-Identifier: BSD-3-Clause
//
// Fragments given one after the other, of a few datagrams, in any order and overlapping. A model that knows for each
// datagram which fragment brought an octet first says when one is whole and what is in it.
#include "capture/fragments.h"
#include "fuzz.h"
#include "packet.h"

#define SPACE 2048 // octets of a datagram that the model knows
#define DATAGRAMS 3

static struct model {
	uint8_t octets[SPACE];
	bool there[SPACE];
	size_t count, total, reached;
	uint64_t first, last;
	bool begun;
} models[DATAGRAMS];

// Whether the fragment completes its datagram.
static bool expect(struct model *model, const struct packet *packet)
{
	const struct packet_fragment *part = &packet->part;
	size_t end = part->offset + part->length;
	if (part->cut || part->length == 0 || (part->more && part->length % 8))
		return false;
	if (part->more ? model->total && end > model->total : model->total ? end != model->total : end < model->reached)
		return false;
	for (size_t i = part->offset; i < end; i++)
		if (!model->there[i]) {
			model->there[i] = true;
			model->octets[i] = part->data[i - part->offset];
			model->count++;
		}
	if (!part->more)
		model->total = end;
	model->reached = end > model->reached ? end : model->reached;
	model->last = packet->frame;
	model->first = model->begun ? model->first : packet->frame;
	model->begun = true;
	return model->total && model->count == model->total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input;
	struct fragments_joined joined;
	struct fragments *fragments = fragments_new(NULL);
	uint64_t frame = 0, whole = 0;
	claim(fragments);
	memset(models, 0, sizeof models);
	reader_init(&input, data, size);
	while (reader_left(&input) >= 4) {
		uint8_t what = fuzz_octet(&input), which = what % DATAGRAMS;
		size_t length;
		struct packet packet = {.fragment = true, .frame = frame + 1, .time = frame};
		frame++;
		packet.source.family = packet.destination.family = which == 1 ? 6 : 4;
		packet.part = (struct packet_fragment){
			.id = which, .protocol = 17, .more = !(what & 0x80), .cut = (what & 0x78) == 0x78};
		packet.part.offset = (size_t)fuzz_octet(&input) % 128 * 8;
		const uint8_t *octets =
			fuzz_take(&input, fuzz_octet(&input) % 32 * 8u + (what & 7) * (what >> 7), &length);
		uint8_t *copy = fuzz_copy(octets, length);
		packet.part.data = copy;
		packet.part.length = length;
		struct model *model = &models[which];
		bool complete = expect(model, &packet);
		claim(fragments_add(fragments, &packet, &joined) == complete);
		free(copy);
		if (!complete)
			continue;
		whole++;
		claim(joined.packet.captured == model->total);
		claim(memcmp(joined.packet.data, model->octets, model->total) == 0);
		claim(joined.first_frame == model->first && joined.last_frame == model->last);
		claim(joined.packet.source.family == (which == 1 ? 6 : 4));
		fuzz_claim_packet(&joined.packet);
		memset(model, 0, sizeof *model);
	}
	size_t waiting = 0;
	for (int i = 0; i < DATAGRAMS; i++)
		waiting += models[i].begun;
	claim(fragments_waiting(fragments) == waiting);
	claim(fragments_statistics(fragments).joined == whole && fragments_statistics(fragments).taken == frame);
	fragments_free(fragments);
	return 0;
}
