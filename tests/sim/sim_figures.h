// SPDX-License-Identifier: Apache-2.0
/* sim_figures.h - what a rule and a profile are worth: the same faults with the same seeds, many
 * times, and the figures that come out. */
#ifndef HS_TESTS_SIM_FIGURES_H
#define HS_TESTS_SIM_FIGURES_H

#include "tests/sim/sim_rules.h"

enum sim_strain {
    SIM_STRAIN_NONE,
    SIM_STRAIN_PAUSED, /* one member stands still 3 s every 20 s */
    SIM_STRAIN_STARVED /* one gets its CPU in slices, with gaps of up to 2 s */
};

struct sim_case {
    const struct sim_rule    *rule;
    const struct sim_profile *profile;
    uint32_t                  count;
    uint32_t                  whole_count; /* 0: all */
    uint32_t                  seeds;
    double                    loss;
};

/* Seconds */
struct sim_detection {
    double   first_p50;
    double   first_p99;
    double   last_p50;
    double   last_p99;
    double   last_max;
    uint32_t missed; /* runs in which somebody did not know after two minutes */
};

struct sim_calm {
    double   member_hours;
    double   accusations_per_hour; /* false ones, per member and hour */
    uint64_t false_deaths;
    uint64_t deaths_of_paused;
    double   bytes_per_s; /* per member */
    double   datagrams_per_s;
};

struct sim_ring     *sim_case_open(const struct sim_case *c, uint64_t seed);
struct sim_detection sim_measure_crash(const struct sim_case *c);
struct sim_calm sim_measure_calm(const struct sim_case *c, double seconds, enum sim_strain strain);
/* Half and half for a minute, then together again: until everybody holds everybody for alive. p50
 * and the worst; below zero: not within five minutes. */
void sim_measure_healing(const struct sim_case *c, double *p50, double *worst);

#endif
