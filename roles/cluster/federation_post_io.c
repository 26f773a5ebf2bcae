// SPDX-License-Identifier: Apache-2.0
/* federation_post_io.c - beside a ring. */
#include "roles/cluster/federation_post_io.h"

#include "shm/base/log.h"

int hs_federation_post_open(struct hs_post **post, struct hs_ring_io *ring,
                            const struct hs_credentials *credentials, void *owner,
                            hs_post_fn *on_datagram, struct hs_err *err)
{
    const struct hs_ring_beside beside = {.name = HS_FEDERATION_RING,
                                          .credentials = credentials,
                                          .owner = owner,
                                          .on_datagram = on_datagram};

    return hs_ring_io_open_beside(ring, &beside, post, err);
}

void hs_federation_post_send(struct hs_post *post, const struct hs_node_id *to,
                             const struct hs_addr               *address,
                             const struct hs_federation_message *message)
{
    struct hs_datagram_message head = {.type = message->type};
    uint8_t                    content[HS_FEDERATION_CONTENT_BYTES_MAX];
    struct hs_datagram_writer  writer;

    hs_datagram_start(&writer, hs_post_body(post), HS_DATAGRAM_BODY_BYTES_MAX, &head);
    hs_datagram_put_content(&writer, hs_federation_put(message, content));
    hs_post_send(post, to, address, message->type, hs_datagram_finish(&writer));
}

void hs_federation_post_set_keyring(struct hs_post *post, const struct hs_keyring *keyring)
{
    struct hs_err err = {0};

    if (hs_post_set_keyring(post, keyring, &err))
        hs_log(HS_LOG_ERROR, "federation", "keys not renewed: %s", err.text);
}
