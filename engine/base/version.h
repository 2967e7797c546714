// SPDX-License-Identifier: BSD-3-Clause
//
// The version of assay, for the program and for everything that reports name it in.
#ifndef ASSAY_BASE_VERSION_H
#define ASSAY_BASE_VERSION_H

#define ASSAY_VERSION "0.1.0"

#endif
