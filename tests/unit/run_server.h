// SPDX-License-Identifier: Apache-2.0
/* run_server.h - the server of run_fixture.h: a process that serves connections with poll(2), no
 * better than it is told. */
#ifndef HS_TESTS_UNIT_RUN_SERVER_H
#define HS_TESTS_UNIT_RUN_SERVER_H

#include "tests/unit/run_fixture.h"

/* Its process, which dies with this one; 0 when there is no behaviour: then nobody listens on
 * *port. */
pid_t run_server_start(struct run_behaviours behaviours, struct run_counts *counts, uint16_t *port);

#endif
