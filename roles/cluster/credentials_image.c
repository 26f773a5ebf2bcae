// SPDX-License-Identifier: Apache-2.0
/* credentials_image.c - views of the files in an image. */
#include "roles/cluster/credentials_image.h"

#include <errno.h>

/* Read once: the memory is another process's. */
static int view_file(struct hs_view *view, const uint8_t *data, size_t capacity_bytes,
                     uint32_t bytes)
{
    *view = hs_view_of(data, bytes);
    return bytes > capacity_bytes ? -EPROTO : 0;
}

int hs_credentials_image_texts(const struct hs_credentials_image *image,
                               struct hs_credentials_texts       *texts)
{
    int rc = view_file(&texts->key, image->key, sizeof image->key, image->key_bytes);

    if (!rc)
        rc = view_file(&texts->certificate, image->certificate, sizeof image->certificate,
                       image->certificate_bytes);
    if (!rc)
        rc = view_file(&texts->authority, image->authority, sizeof image->authority,
                       image->authority_bytes);
    if (!rc)
        rc =
            view_file(&texts->revoked, image->revoked, sizeof image->revoked, image->revoked_bytes);
    if (!rc)
        rc =
            view_file(&texts->keyring, image->keyring, sizeof image->keyring, image->keyring_bytes);
    return rc;
}
