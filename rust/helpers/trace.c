// SPDX-License-Identifier: GPL-2.0
/* The tracepoints themselves, and functions for Rust to call them by. */
#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "trace.h"
