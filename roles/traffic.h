// SPDX-License-Identifier: Apache-2.0
/* traffic.h - the classes of messages (messages.def gives each its own): what a receiver that has
 * too much to do puts off first, and what never (spec control 1.1). Pure. */
#ifndef HS_ROLES_TRAFFIC_H
#define HS_ROLES_TRAFFIC_H

/* In the order in which they are served; part of no protocol. */
enum hs_traffic {
    HS_TRAFFIC_NONE,      /* unknown, or never in a frame */
    HS_TRAFFIC_CONTROL,   /* who lives, who leads, cancels between roles: small, never shed */
    HS_TRAFFIC_RESULT,    /* what ended: never refused for load, repeated until acknowledged */
    HS_TRAFFIC_DISPATCH,  /* work given and taken, registrations, transitions: refused last */
    HS_TRAFFIC_DATA,      /* figures, queries, polls: refused first of what is sent today */
    HS_TRAFFIC_TELEMETRY, /* diagnostics: refused before everything else */
    HS_TRAFFIC_COUNT
};

#endif
