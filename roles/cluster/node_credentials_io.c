// SPDX-License-Identifier: Apache-2.0
/* node_credentials_io.c - from the supervisor's memory to a node's credentials. */
#include "roles/cluster/node_credentials_io.h"

#include "roles/cluster/role_matrix.h"
#include "roles/config.h"
#include "roles/control_io.h"
#include "roles/counters.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LOOK_INTERVAL_NS HS_NS_PER_S

/* Views into the segment, which the caller unmaps. */
static int map_image(int fd, struct hs_segment *segment, struct hs_credentials_texts *texts,
                     struct hs_err *err)
{
    const struct hs_segment_spec spec = {.kind = HS_SEGMENT_CREDENTIALS,
                                         .version = HS_CREDENTIALS_IMAGE_VERSION,
                                         .body_bytes = sizeof(struct hs_credentials_image)};
    int                          rc = hs_segment_map(segment, fd, &spec, HS_SEGMENT_READ_ONLY, err);

    if (rc) return rc;
    rc = hs_credentials_image_texts(hs_segment_body(segment), texts);
    return rc ? hs_err_set(err, rc, "lengths of the files") : 0;
}

/* What the configuration calls this node, the certificate must call it too. */
static int check_own(const struct hs_node_credentials *node, struct hs_err *err)
{
    const struct hs_identity    *own = &node->credentials.identity;
    const struct hs_config_node *config = &node->process->config->node;
    enum hs_role_kind            kind = node->process->heritage->kind;
    const struct {
        const char *key;
        const char *configured;
        const char *certified;
    } names[] = {{"cluster", config->cluster, own->cluster},
                 {"environment", config->environment, own->environment},
                 {"datacenter", config->datacenter, own->datacenter},
                 {"name", config->name, own->node}};

    if (hs_role_kind_of(own->role) != kind)
        return hs_err_refuse(err, "node.crt is a %s's, not a %s's",
                             hs_identity_role_name(own->role), hs_role_kind_name(kind));
    if (!node->credentials.keyring.count) return hs_err_refuse(err, "gossip.keys is empty");
    for (size_t i = 0; i < HS_ARRAY_LEN(names); i++)
        if (strcmp(names[i].configured, names[i].certified) != 0)
            return hs_err_refuse(err, "node.crt says %s, but node.%s is %s", names[i].certified,
                                 names[i].key, names[i].configured);
    return 0;
}

int hs_node_credentials_open(struct hs_node_credentials *node, struct hs_role_process *process,
                             struct hs_err *err)
{
    struct hs_segment           segment = {0};
    struct hs_credentials_texts texts;
    int                         rc;

    memset(node, 0, sizeof *node);
    node->process = process;
    node->look_at_ns = HS_NEVER_NS;
    if (process->heritage->credentials_fd < 0) return 0;
    rc = map_image(process->heritage->credentials_fd, &segment, &texts, err);
    if (!rc) rc = hs_credentials_open(&node->credentials, &texts, err);
    if (!rc) rc = check_own(node, err);
    hs_segment_unmap(&segment);
    if (rc) { /* whatever it is: the same files will not be better */
        (void)hs_err_wrap(err, "%s/%s", process->config->cluster.credentials,
                          hs_role_kind_name(process->heritage->kind));
        err->code = -EINVAL;
        return -EINVAL;
    }
    node->look_at_ns = 0;
    return 0;
}

static void answer(const struct hs_node_credentials *node, uint64_t number, int code,
                   const char *text)
{
    struct hs_control_record record;
    int                      rc;

    hs_control_init(&record, HS_CONTROL_CREDENTIALS_TAKEN, text);
    record.number = number;
    record.code = code;
    rc = hs_control_send(node->process->heritage->control_fd, &record, -1);
    if (rc < 0) hs_log(HS_LOG_ERROR, "role", "credentials not answered: %s", hs_err_code_text(rc));
}

void hs_node_credentials_take(struct hs_node_credentials *node, uint64_t number, int fd)
{
    struct hs_segment           segment = {0};
    struct hs_credentials_texts texts;
    struct hs_err               err = {0};
    int                         rc = map_image(fd, &segment, &texts, &err);

    (void)close(fd);
    if (!rc && !node->credentials.tls) rc = hs_err_refuse(&err, "this host stands alone");
    if (!rc) rc = hs_credentials_replace(&node->credentials, &texts, &err);
    hs_segment_unmap(&segment);
    if (!rc) {
        hs_counter_add(node->process->counters, HS_COUNT_credentials_renewed, 1);
        node->look_at_ns = 0;
    }
    answer(node, number, rc, rc ? err.text : "");
}

static void tell_health(struct hs_node_credentials *node)
{
    enum hs_credentials_health health = hs_credentials_health(&node->credentials);

    hs_counter_set(node->process->counters, HS_COUNT_credentials_ending,
                   health != HS_CREDENTIALS_GOOD);
    hs_counter_set(node->process->counters, HS_COUNT_credentials_expired,
                   health == HS_CREDENTIALS_EXPIRED);
    if (health == node->health) return;
    node->health = health;
    switch (health) {
    case HS_CREDENTIALS_GOOD: hs_log(HS_LOG_INFO, "role", "credentials are good again"); break;
    case HS_CREDENTIALS_ENDING:
        hs_log(HS_LOG_WARN, "role",
               "credentials end soon: less than a fifth of the time of the certificate or of the "
               "revocation list is left");
        break;
    case HS_CREDENTIALS_EXPIRED:
        hs_log(HS_LOG_ERROR, "role",
               "credentials have expired: other hosts refuse this one until they are renewed");
        break;
    }
}

static void show_counts(struct hs_node_credentials *node)
{
    struct hs_counters_shm      *counters = node->process->counters;
    const struct hs_tls_figures *told = &node->told;
    struct hs_tls_figures        now;

    hs_tls_figures(node->credentials.tls, &now);
    hs_counter_add(counters, HS_COUNT_tls_handshakes, now.handshakes_done - told->handshakes_done);
    hs_counter_add(counters, HS_COUNT_tls_handshakes_failed,
                   now.handshakes_failed - told->handshakes_failed);
    hs_counter_add(counters, HS_COUNT_certificates_refused,
                   now.certificates_refused - told->certificates_refused);
    node->told = now;
}

uint64_t hs_node_credentials_turn(struct hs_node_credentials *node, uint64_t now_ns)
{
    if (!node->credentials.tls) return HS_NEVER_NS;
    if (now_ns < node->look_at_ns) return node->look_at_ns;
    node->look_at_ns = now_ns + LOOK_INTERVAL_NS;
    tell_health(node);
    show_counts(node);
    return node->look_at_ns;
}
