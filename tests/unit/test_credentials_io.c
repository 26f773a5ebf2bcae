// SPDX-License-Identifier: Apache-2.0
/* test_credentials_io.c - a node's files as a whole: what opens, what does not, what replaces. */
#include "roles/cluster/credentials_io.h"

#include "roles/cluster/credential_files_io.h"
#include "tests/check.h"
#include "tests/unit/pki_rig.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509v3.h>

static struct hs_pki                rig;
static struct hs_pki_node           node;
static struct hs_credentials        credentials;
static struct hs_credentials_texts  texts;
static struct hs_err                err;
static struct hs_credentials_image *image;

static void begin(void)
{
    hs_pki_begin(&rig, "hyperscale://shop/prod");
    hs_pki_issue(&rig, &node, HS_PKI_GATE, 0);
    texts = hs_pki_texts(&rig, &node);
}

static void end(void)
{
    hs_credentials_close(&credentials);
    hs_pki_drop(&node);
    hs_pki_end(&rig);
}

static void is_refused(int rc, const char *says)
{
    HS_CHECK(rc < 0);
    HS_CHECK(strstr(err.text, says) != NULL);
    if (!strstr(err.text, says)) (void)fprintf(stderr, "wanted \"%s\": %s\n", says, err.text);
}

static void does_not_open(const char *says)
{
    is_refused(hs_credentials_open(&credentials, &texts, &err), says);
    HS_CHECK(credentials.tls == NULL);
    texts = hs_pki_texts(&rig, &node);
}

static void good_files_open(void)
{
    begin();
    HS_CHECK_EQ(hs_credentials_open(&credentials, &texts, &err), 0);
    HS_CHECK_TEXT(credentials.identity.node, "g1");
    HS_CHECK_EQ(credentials.until_s - credentials.from_s, 10 * 86400);
    HS_CHECK_EQ(credentials.keyring.count, 1);
    HS_CHECK_EQ(hs_credentials_health(&credentials), HS_CREDENTIALS_GOOD);
    end();
}

static void each_bad_file_is_named(void)
{
    struct hs_pki      other;
    struct hs_pki_node stranger;

    begin();
    hs_pki_begin(&other, "hyperscale://shop/prod");
    hs_pki_issue(&other, &stranger, HS_PKI_GATE, 0);
    texts.key = hs_view_of(stranger.key, stranger.key_bytes);
    does_not_open("node.key is not the key of node.crt");
    texts.key = hs_view_text("nonsense");
    does_not_open("node.key");
    texts.certificate = hs_view_text("nonsense");
    does_not_open("node.crt");
    texts.authority = hs_view_of(other.authority_pem, other.authority_bytes);
    does_not_open("the revocation list");
    texts.revoked = hs_view_of(other.revoked_pem, other.revoked_bytes);
    does_not_open("the revocation list");
    texts.certificate = hs_view_of(stranger.certificate, stranger.certificate_bytes);
    texts.key = hs_view_of(stranger.key, stranger.key_bytes);
    does_not_open("another authority's");
    texts.keyring = hs_view_text("hyperscale-keyring 2\n");
    does_not_open("gossip.keys");
    hs_pki_drop(&stranger);
    hs_pki_end(&other);
    end();
}

static void own_certificate_that_is_over_or_revoked_does_not_open(void)
{
    begin();
    hs_pki_drop(&node);
    hs_pki_issue(&rig, &node, HS_PKI_GATE, 20);
    texts = hs_pki_texts(&rig, &node);
    does_not_open("expired");
    hs_pki_drop(&node);
    hs_pki_issue(&rig, &node, HS_PKI_GATE, 0);
    hs_pki_revoke(&rig, &node);
    texts = hs_pki_texts(&rig, &node);
    does_not_open("revoked");
    end();
}

static void client_needs_no_ring(void)
{
    begin();
    hs_pki_drop(&node);
    hs_pki_issue(&rig, &node, HS_PKI_CLIENT, 0);
    texts = hs_pki_texts(&rig, &node);
    texts.keyring = (struct hs_view){0};
    HS_CHECK_EQ(hs_credentials_open(&credentials, &texts, &err), 0);
    HS_CHECK_EQ(credentials.keyring.count, 0);
    end();
}

static void last_fifth_of_its_time_is_a_warning(void)
{
    begin();
    hs_pki_drop(&node);
    hs_pki_issue(&rig, &node, HS_PKI_GATE, 7);
    texts = hs_pki_texts(&rig, &node);
    HS_CHECK_EQ(hs_credentials_open(&credentials, &texts, &err), 0);
    HS_CHECK_EQ(hs_credentials_health(&credentials), HS_CREDENTIALS_GOOD); /* 3 of 10 days */
    hs_pki_drop(&node);
    hs_pki_issue(&rig, &node, HS_PKI_GATE, 9);
    texts = hs_pki_texts(&rig, &node);
    HS_CHECK_EQ(hs_credentials_replace(&credentials, &texts, &err), 0);
    HS_CHECK_EQ(hs_credentials_health(&credentials), HS_CREDENTIALS_ENDING);
    credentials.until_s = rig.now_s - 1; /* and the days go by */
    HS_CHECK_EQ(hs_credentials_health(&credentials), HS_CREDENTIALS_EXPIRED);
    end();
}

static void replacement_is_whole_or_nothing(void)
{
    struct hs_pki_node other;
    uint64_t           until_s;

    begin();
    HS_CHECK_EQ(hs_credentials_open(&credentials, &texts, &err), 0);
    until_s = credentials.until_s;
    texts.key = hs_view_text("half written");
    is_refused(hs_credentials_replace(&credentials, &texts, &err), "node.key");
    hs_pki_issue(&rig, &other, HS_PKI_MANAGER, 0);
    texts = hs_pki_texts(&rig, &other);
    is_refused(hs_credentials_replace(&credentials, &texts, &err), "another node's");
    hs_pki_drop(&other);
    hs_pki_issue(&rig, &other, HS_PKI_GATE, 20);
    texts = hs_pki_texts(&rig, &other);
    is_refused(hs_credentials_replace(&credentials, &texts, &err), "expired");
    texts = hs_pki_texts(&rig, &node);
    texts.keyring = (struct hs_view){0}; /* cut off by a full disk: its successor would not start */
    is_refused(hs_credentials_replace(&credentials, &texts, &err), "gossip.keys is empty");
    HS_CHECK_EQ(credentials.keyring.count, 1);
    HS_CHECK_EQ(credentials.until_s, until_s);
    HS_CHECK_TEXT(credentials.identity.node, "g1");
    hs_pki_drop(&other);
    end();
}

/* ---- the directory ---- */

static void write_file(int directory_fd, const char *name, struct hs_view content, unsigned mode)
{
    int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    HS_CHECK(fd >= 0);
    HS_CHECK_EQ(write(fd, content.data, content.bytes), (ssize_t)content.bytes);
    HS_CHECK_EQ(fchmod(fd, mode), 0);
    (void)close(fd);
}

static int make_directory(char path[32])
{
    int fd;

    (void)snprintf(path, 32, "/tmp/hs_credentials.XXXXXX");
    HS_CHECK(mkdtemp(path) != NULL);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    write_file(fd, HS_FILE_KEY, texts.key, 0600);
    write_file(fd, HS_FILE_CERTIFICATE, texts.certificate, 0644);
    write_file(fd, HS_FILE_AUTHORITY, texts.authority, 0644);
    write_file(fd, HS_FILE_REVOKED, texts.revoked, 0644);
    write_file(fd, HS_FILE_KEYRING, texts.keyring, 0600);
    image = calloc(1, sizeof *image);
    return fd;
}

static void remove_directory(int fd, const char *path)
{
    static const char *const names[] = {HS_FILE_KEY, HS_FILE_CERTIFICATE, HS_FILE_AUTHORITY,
                                        HS_FILE_REVOKED, HS_FILE_KEYRING};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) (void)unlinkat(fd, names[i], 0);
    (void)close(fd);
    (void)rmdir(path);
    free(image);
}

static void directory_is_read_as_it_is(void)
{
    struct hs_credentials_texts read;
    char                        path[32];
    int                         fd;

    begin();
    fd = make_directory(path);
    HS_CHECK_EQ(hs_credentials_image_read(image, path, true, &err), 0);
    HS_CHECK_EQ(hs_credentials_image_texts(image, &read), 0);
    HS_CHECK(hs_view_equal(read.key, texts.key));
    HS_CHECK(hs_view_equal(read.certificate, texts.certificate));
    HS_CHECK(hs_view_equal(read.authority, texts.authority));
    HS_CHECK(hs_view_equal(read.revoked, texts.revoked));
    HS_CHECK(hs_view_equal(read.keyring, texts.keyring));
    image->key_bytes = sizeof image->key + 1;
    HS_CHECK_EQ(hs_credentials_image_texts(image, &read), -EPROTO);
    remove_directory(fd, path);
    end();
}

static void open_key_or_missing_file_is_refused(void)
{
    char path[32];
    int  fd;

    begin();
    fd = make_directory(path);
    HS_CHECK_EQ(fchmodat(fd, HS_FILE_KEY, 0644, 0), 0);
    is_refused(hs_credentials_image_read(image, path, true, &err), "chmod 600");
    HS_CHECK_EQ(err.code, -EPERM);
    HS_CHECK_EQ(fchmodat(fd, HS_FILE_KEY, 0600, 0), 0);
    HS_CHECK_EQ(fchmodat(fd, HS_FILE_KEYRING, 0640, 0), 0);
    is_refused(hs_credentials_image_read(image, path, true, &err), "gossip.keys");
    HS_CHECK_EQ(unlinkat(fd, HS_FILE_KEYRING, 0), 0);
    is_refused(hs_credentials_image_read(image, path, true, &err), "gossip.keys");
    HS_CHECK_EQ(hs_credentials_image_read(image, path, false, &err), 0); /* a client has none */
    HS_CHECK_EQ(fchmod(fd, 0777), 0);
    is_refused(hs_credentials_image_read(image, path, false, &err), "can be written by others");
    remove_directory(fd, path);
    end();
}

CU_TestInfo hs_tests_credentials_io[] = {
    {"good files open", good_files_open},
    {"BAD-6 each bad file is named", each_bad_file_is_named},
    {"SEC-6 own certificate that is over or revoked does not open",
     own_certificate_that_is_over_or_revoked_does_not_open},
    {"client needs no ring", client_needs_no_ring},
    {"SEC-6 last fifth of its time is a warning", last_fifth_of_its_time_is_a_warning},
    {"SEC-6 replacement is whole or nothing", replacement_is_whole_or_nothing},
    {"directory is read as it is", directory_is_read_as_it_is},
    {"BAD-16 open key or missing file is refused", open_key_or_missing_file_is_refused},
    CU_TEST_INFO_NULL};
