// SPDX-License-Identifier: Apache-2.0
// share: 1/2
/* fuzz_credentials.c - any bytes, and good files with any bytes changed, as certificate, authority
 * and revocation list: no crash, a reason for every refusal, and nobody gets another name than the
 * one that was signed. Keys and key rings: fuzz_tls, fuzz_identity. */
#include "roles/cluster/authority_io.h"
#include "shm/base/assert.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES = 3, TEXT_BYTES = 4096, INPUT_BYTES_MAX = 1 << 16 };
#define NOW_S UINT64_C(1700000000)
static const char node_name[] = "hyperscale://shop/prod/east/worker/w1";

static struct hs_trust trust;
static uint8_t         good[FILES][TEXT_BYTES]; /* certificate, authority, list */
static size_t          good_bytes[FILES];

static void begin(void)
{
    const struct hs_validity validity = {NOW_S - 1000, NOW_S + 1000000};
    const struct hs_validity of_node = {NOW_S - 1000, NOW_S + 1000};
    struct hs_authority      authority;
    struct hs_identity       name;
    struct hs_issued         issued;
    struct hs_writer         out[FILES];
    struct hs_err            err;

    for (unsigned i = 0; i < FILES; i++) hs_writer_init(&out[i], good[i], TEXT_BYTES);
    HS_ASSERT(hs_identity_parse_authority(hs_view_text("hyperscale://shop/prod"), &name, &err) ==
              0);
    HS_ASSERT(hs_authority_create(&authority, &name, &validity, validity.until_s, &err) == 0);
    HS_ASSERT(hs_identity_parse(hs_view_text(node_name), &name, &err) == 0);
    HS_ASSERT(hs_authority_issue(&authority, &name, &of_node, NOW_S, &issued, &err) == 0);
    HS_ASSERT(hs_put_certificate(&out[0], issued.certificate, &err) == 0);
    HS_ASSERT(hs_put_certificate(&out[1], authority.trust.authority, &err) == 0);
    HS_ASSERT(hs_put_revoked(&out[2], authority.trust.revoked, &err) == 0);
    for (unsigned i = 0; i < FILES; i++) good_bytes[i] = out[i].used_bytes;
    HS_ASSERT(hs_trust_open(&trust, hs_view_of(good[1], good_bytes[1]),
                            hs_view_of(good[2], good_bytes[2]), &err) == 0);
    hs_issued_fini(&issued);
    hs_authority_close(&authority);
}

static void is_refused(const struct hs_err *err)
{
    HS_ASSERT(err->code < 0);
    HS_ASSERT(err->text[0] != 0);
}

/* Whatever is let in has been signed by the authority, so it bears the one name that was. */
static void try_certificate(struct hs_view text)
{
    struct hs_identity identity;
    struct hs_err      err = {0};
    X509              *certificate = hs_certificate_read(text, &err);
    char               name[HS_IDENTITY_TEXT_BYTES];

    if (!certificate) {
        is_refused(&err);
        return;
    }
    if (hs_trust_check(&trust, certificate, NOW_S, &identity, &err) == 0) {
        hs_identity_text(&identity, name);
        HS_ASSERT(strcmp(name, node_name) == 0);
    } else {
        is_refused(&err);
    }
    X509_free(certificate);
}

static void try_trust(struct hs_view authority, struct hs_view list)
{
    struct hs_trust found;
    struct hs_err   err = {0};

    if (hs_trust_open(&found, authority, list, &err)) is_refused(&err);
    hs_trust_close(&found);
}

static void try_file(unsigned file, struct hs_view text)
{
    if (file == 0)
        try_certificate(text);
    else if (file == 1)
        try_trust(text, hs_view_of(good[2], good_bytes[2]));
    else
        try_trust(hs_view_of(good[1], good_bytes[1]), text);
}

/* The first byte says which file, and whether the rest is its text or says what is changed in the
 * good one: where (two bytes) and to what, again and again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  changed[TEXT_BYTES];
    unsigned file;

    if (!trust.authority) begin();
    if (!size || size > INPUT_BYTES_MAX) return 0;
    file = data[0] % FILES;
    if (data[0] & 0x80) {
        try_file(file, hs_view_of(data + 1, size - 1));
        return 0;
    }
    memcpy(changed, good[file], sizeof changed);
    for (size_t i = 1; i + 3 <= size; i += 3)
        changed[(size_t)(data[i] | data[i + 1] << 8) % good_bytes[file]] = data[i + 2];
    try_file(file, hs_view_of(changed, good_bytes[file]));
    return 0;
}
