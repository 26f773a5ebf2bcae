// SPDX-License-Identifier: Apache-2.0
/* federation_rig.h - gates that ask the managers of datacenters, in virtual time: a network that
 * delays, loses and cuts, managers that answer as the product's would, and gates that tell one
 * another what they hold. Messages travel as the bytes that the product makes of them. */
#ifndef HS_TESTS_FEDERATION_RIG_H
#define HS_TESTS_FEDERATION_RIG_H

#include "roles/cluster/federation.h"
#include "shm/base/time.h"

enum {
    FED_GATES_MAX = 5,
    FED_DATACENTERS_MAX = 20,
    FED_MANAGERS = 3, /* of each datacenter */
    FED_PACKETS_MAX = 512,
    FED_LOG_MAX = 64
};

struct fed_packet {
    uint64_t                     at_ns; /* 0: free */
    unsigned                     gate;
    unsigned                     datacenter;
    unsigned                     manager;
    unsigned                     teller; /* of a verdict; else FED_GATES_MAX */
    struct hs_federation_verdict verdict;
    enum hs_datagram_type        type;
    size_t                       bytes;
    uint8_t                      content[HS_FEDERATION_CONTENT_BYTES_MAX];
};

struct fed_change { /* that a gate told of */
    uint64_t      at_ns;
    unsigned      datacenter;
    enum hs_reach to;
};

struct fed_gate {
    struct hs_federation     federation;
    struct hs_federation_out out;
    bool                     is_cut[FED_DATACENTERS_MAX];
    bool                     is_alone; /* hears and reaches no other gate */
    uint64_t                 say_at_ns;
    unsigned                 change_count; /* all; the first are kept */
    struct fed_change        changes[FED_LOG_MAX];
    unsigned                 alerts[HS_FEDERATION_NEW_LEADER + 1];
    uint64_t                 last_probe_ns[FED_DATACENTERS_MAX]; /* when one was asked */
    struct hs_node_id        last_asked[FED_DATACENTERS_MAX];
};

struct fed_datacenter {
    char                      name[HS_IDENTITY_LABEL_BYTES];
    uint64_t                  delay_ns; /* one way */
    unsigned                  leader;
    uint64_t                  term;
    uint64_t                  incarnations[FED_MANAGERS];
    bool                      is_down[FED_MANAGERS];
    struct hs_federation_body body;
};

struct fed_world {
    uint64_t              now_ns;
    unsigned              gate_count;
    unsigned              datacenter_count;
    uint32_t              loss_ppm; /* each way */
    struct hs_rand        rand;
    struct fed_gate       gates[FED_GATES_MAX];
    struct fed_datacenter datacenters[FED_DATACENTERS_MAX];
    struct fed_packet     packets[FED_PACKETS_MAX];
    /* asked of every XPROBE as it leaves, if set */
    void (*on_probe)(struct fed_world *world, unsigned gate, unsigned datacenter);
    uint64_t slots[20]; /* for on_probe */
};

/* All managers are registered with all gates; nobody has been asked yet. */
void fed_begin(struct fed_world *world, unsigned gates, unsigned datacenters, uint64_t delay_ns);
void fed_run(struct fed_world *world, uint64_t for_ns);
/* From all gates. */
void              fed_cut(struct fed_world *world, unsigned datacenter, bool is_cut);
struct hs_node_id fed_manager_id(unsigned datacenter, unsigned manager);
enum hs_reach     fed_state(const struct fed_world *world, unsigned gate, unsigned datacenter);
/* The place that the gate gave it. */
struct hs_federation_datacenter *fed_at(struct fed_world *world, unsigned gate,
                                        unsigned datacenter);
/* How often it changed to that, and when first since then; 0: never. */
unsigned fed_times(const struct fed_world *world, unsigned gate, unsigned datacenter,
                   enum hs_reach to);
uint64_t fed_when(const struct fed_world *world, unsigned gate, unsigned datacenter,
                  enum hs_reach to, uint64_t since_ns);
/* An answer out of turn, from that manager. */
void fed_answer(struct fed_world *world, unsigned gate, unsigned datacenter, unsigned manager,
                const struct hs_federation_message *message);

#endif
