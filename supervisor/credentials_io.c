// SPDX-License-Identifier: Apache-2.0
/* credentials_io.c - files of certificates into sealed memory, and what has become of it. */
#include "supervisor/credentials_io.h"

#include "roles/cluster/credential_files_io.h"
#include "roles/cluster/credentials_image.h"
#include "roles/config.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "supervisor/event_io.h"
#include "supervisor/process_io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = HS_CONFIG_TEXT_BYTES + HS_PROCESS_NAME_BYTES + 16 };
#define LOOK_INTERVAL_NS HS_NS_PER_S

static const enum hs_role_kind owners[HS_CREDENTIALS_OWNERS] = {HS_ROLE_GATE, HS_ROLE_MANAGER,
                                                                HS_ROLE_WORKER};
static const char *const       files[] = {HS_FILE_KEY, HS_FILE_CERTIFICATE, HS_FILE_AUTHORITY,
                                          HS_FILE_REVOKED, HS_FILE_KEYRING};
HS_STATIC_ASSERT(HS_ARRAY_LEN(files) == HS_CREDENTIALS_FILES, "a mark each");

static struct hs_credentials_held *held_of(struct hs_tree *tree, enum hs_role_kind kind)
{
    for (unsigned i = 0; i < HS_CREDENTIALS_OWNERS; i++)
        if (owners[i] == kind) return &tree->credentials[i];
    return NULL;
}

static void path_of(const struct hs_tree *tree, enum hs_role_kind kind, const char *file,
                    char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%s/%s%s%s", tree->held.config->cluster.credentials,
                   hs_role_kind_name(kind), file ? "/" : "", file ? file : "");
}

void hs_credentials_init(struct hs_tree *tree)
{
    for (unsigned i = 0; i < HS_CREDENTIALS_OWNERS; i++)
        tree->credentials[i] = (struct hs_credentials_held){.fd = -1, .offered_fd = -1};
    tree->credentials_at_ns = HS_NEVER_NS;
}

/* Whatever of a file changes when somebody writes it or puts another in its place; zeros: none. */
static void mark_files(const struct hs_tree *tree, enum hs_role_kind kind,
                       struct hs_credentials_mark marks[HS_CREDENTIALS_FILES])
{
    memset(marks, 0, sizeof *marks * HS_CREDENTIALS_FILES);
    for (unsigned i = 0; i < HS_CREDENTIALS_FILES; i++) {
        char        path[PATH_BYTES];
        struct stat about;

        path_of(tree, kind, files[i], path);
        if (stat(path, &about) < 0) continue;
        marks[i] = (struct hs_credentials_mark){
            .inode = about.st_ino,
            .bytes = (uint64_t)about.st_size,
            .mode = about.st_mode,
            .changed_s = (uint64_t)about.st_ctim.tv_sec,
            .changed_ns = (uint64_t)about.st_ctim.tv_nsec,
        };
    }
}

/* A sealed copy of the directory: its descriptor. */
static int read_directory(const struct hs_tree *tree, enum hs_role_kind kind, uint64_t generation,
                          struct hs_err *err)
{
    const struct hs_segment_spec spec = {.kind = HS_SEGMENT_CREDENTIALS,
                                         .version = HS_CREDENTIALS_IMAGE_VERSION,
                                         .body_bytes = sizeof(struct hs_credentials_image),
                                         .generation = generation};
    struct hs_segment            segment;
    char                         path[PATH_BYTES];
    int                          rc;
    int                          fd = hs_segment_create(&segment, "credentials", &spec, err);

    if (fd < 0) return fd;
    path_of(tree, kind, NULL, path);
    rc = hs_credentials_image_read(hs_segment_body(&segment), path, true, err);
    hs_segment_unmap(&segment); /* or it could not be sealed */
    if (rc == 0) rc = hs_segment_seal_write(fd, err);
    if (rc == 0) return fd;
    (void)close(fd);
    return rc;
}

static bool has_role(const struct hs_tree *tree, enum hs_role_kind kind)
{
    return tree->children[hs_process_idx_of(kind, 0)].kind == kind;
}

int hs_credentials_read(struct hs_tree *tree, struct hs_err *err)
{
    if (!*tree->held.config->cluster.credentials) return 0;
    for (unsigned i = 0; i < HS_CREDENTIALS_OWNERS; i++) {
        struct hs_credentials_held *held = &tree->credentials[i];

        if (!has_role(tree, owners[i])) continue;
        mark_files(tree, owners[i], held->seen);
        memcpy(held->read, held->seen, sizeof held->read);
        held->fd = read_directory(tree, owners[i], ++held->generation, err);
        if (held->fd < 0) {
            int rc = held->fd;

            held->fd = -1;
            (void)hs_err_wrap(err, "credentials of the %s", hs_role_kind_name(owners[i]));
            return rc;
        }
    }
    tree->credentials_at_ns = hs_supervisor_clock_ns() + LOOK_INTERVAL_NS;
    return 0;
}

int hs_credentials_fd(const struct hs_tree *tree, enum hs_role_kind kind)
{
    for (unsigned i = 0; i < HS_CREDENTIALS_OWNERS; i++)
        if (owners[i] == kind) return tree->credentials[i].fd;
    return -1;
}

static void withdraw(struct hs_credentials_held *held)
{
    if (held->offered_fd >= 0) (void)close(held->offered_fd);
    held->offered_fd = -1;
}

static void refuse(struct hs_tree *tree, enum hs_role_kind kind, const char *why)
{
    const char *name = hs_role_kind_name(kind);

    hs_log(HS_LOG_ERROR, "supervisor", "credentials_refused role=%s reason=\"%s\" kept=\"the old\"",
           name, why);
    hs_tree_event(tree, HS_NOTICE_CREDENTIALS_REFUSED, name, 0, why);
}

/* Those on trial are in force from now on. */
static void adopt(struct hs_credentials_held *held)
{
    (void)close(held->fd);
    held->fd = held->offered_fd;
    held->offered_fd = -1;
}

static void offer(struct hs_tree *tree, struct hs_credentials_held *held, enum hs_role_kind kind)
{
    struct hs_child         *child = &tree->children[hs_process_idx_of(kind, 0)];
    struct hs_control_record record;
    struct hs_err            err;

    withdraw(held);
    memcpy(held->read, held->seen, sizeof held->read);
    held->offered_fd = read_directory(tree, kind, ++held->generation, &err);
    if (held->offered_fd < 0) {
        held->offered_fd = -1;
        refuse(tree, kind, err.text);
        return;
    }
    if (child->restart.state == HS_PROCESS_FAILED) {
        adopt(held); /* nobody is there to ask, and with the old ones nobody would come */
        hs_log(HS_LOG_INFO, "supervisor", "credentials role=%s generation=%" PRIu64 " untried=yes",
               hs_role_kind_name(kind), held->generation);
        return;
    }
    held->offered_to = child->restart.generation;
    hs_control_init(&record, HS_CONTROL_CREDENTIALS, NULL);
    record.number = held->generation;
    hs_process_send(child, &record, held->offered_fd);
}

void hs_credentials_take(struct hs_tree *tree, const struct hs_child *child,
                         const struct hs_control_record *record)
{
    struct hs_credentials_held *held = held_of(tree, child->kind);

    if (!held || held->offered_fd < 0 || record->number != held->generation) return;
    if (record->code < 0) {
        refuse(tree, child->kind, record->text);
        withdraw(held);
        return;
    }
    adopt(held);
    hs_log(HS_LOG_INFO, "supervisor", "credentials role=%s generation=%" PRIu64,
           hs_role_kind_name(child->kind), held->generation);
    hs_tree_event(tree, HS_NOTICE_CREDENTIALS_RENEWED, hs_role_kind_name(child->kind),
                  held->generation, "");
}

/* Several files are changed one after another: what has just changed is given another second. */
static void look_at(struct hs_tree *tree, struct hs_credentials_held *held, enum hs_role_kind kind)
{
    const struct hs_child     *child = &tree->children[hs_process_idx_of(kind, 0)];
    enum hs_process_state      state = child->restart.state;
    struct hs_credentials_mark now[HS_CREDENTIALS_FILES];
    bool                       is_still;

    if (held->fd < 0 || (state != HS_PROCESS_READY && state != HS_PROCESS_FAILED)) return;
    if (held->offered_fd >= 0 && held->offered_to != child->restart.generation) {
        withdraw(held); /* its answer died with it: its successor is asked */
        memset(held->read, 0, sizeof held->read);
    }
    mark_files(tree, kind, now);
    is_still = memcmp(now, held->seen, sizeof now) == 0;
    memcpy(held->seen, now, sizeof now);
    if (is_still && memcmp(now, held->read, sizeof now) != 0) offer(tree, held, kind);
}

void hs_credentials_turn(struct hs_tree *tree, uint64_t now_ns)
{
    if (now_ns < tree->credentials_at_ns || tree->stop.state != HS_STOP_IDLE) return;
    tree->credentials_at_ns = now_ns + LOOK_INTERVAL_NS;
    for (unsigned i = 0; i < HS_CREDENTIALS_OWNERS; i++)
        look_at(tree, &tree->credentials[i], owners[i]);
}

uint64_t hs_credentials_deadline_ns(const struct hs_tree *tree)
{
    return tree->stop.state == HS_STOP_IDLE ? tree->credentials_at_ns : HS_NEVER_NS;
}
