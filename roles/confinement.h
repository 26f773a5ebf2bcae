// SPDX-License-Identifier: Apache-2.0
/* confinement.h - the layers that keep a process in its place, as bits of its vitals page
 * (confinement_bits) and as words in status. The supervisor applies them (supervisor/jail_io). */
#ifndef HS_ROLES_CONFINEMENT_H
#define HS_ROLES_CONFINEMENT_H

enum hs_confinement {
    HS_CONFINED_PARENT_DEATH = 1, /* dies with the supervisor */
    HS_CONFINED_USER = 2,         /* a user of its own, or the daemon is nobody special anyway */
    HS_CONFINED_CAPABILITIES = 4, /* holds none and gets none */
    HS_CONFINED_NO_NEW_PRIVILEGES = 8,
    HS_CONFINED_LIMITS = 16,  /* no core file, bounded descriptors */
    HS_CONFINED_FILES = 32,   /* Landlock: no file system */
    HS_CONFINED_NETWORK = 64, /* Landlock: no TCP but what the role needs */
    HS_CONFINED_CALLS = 128   /* seccomp: the system calls it needs, death for others */
};
enum { HS_CONFINEMENT_BITS = 8 };

/* Name of bit number idx: "parent_death", "user", ...; NULL beyond. */
const char *hs_confinement_name(unsigned idx);

#endif
