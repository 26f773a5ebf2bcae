// SPDX-License-Identifier: Apache-2.0
/* ca_io.c - `hyperscale ca init|issue|revoke`: a cluster's authority as a directory of files. */
#include "roles/client/commands.h"

#include "roles/client/exit_code.h"
#include "roles/client/print_io.h"
#include "roles/cluster/authority_io.h"
#include "roles/cluster/credential_files_io.h"
#include "shm/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/x509.h>

enum {
    DAYS_MAX = 7300,
    AUTHORITY_DAYS = 3650,
    NODE_DAYS = 365,
    LIST_DAYS = 365,
    DAY_S = 24 * 60 * 60,
    BACKDATED_S = 5 * 60, /* of certificates and lists: clocks of hosts differ a little */
    ISSUED_BYTES = 32 << 20,
    LINE_BYTES = 320
};

/* All texts that one command handles, keys among them: wiped at its end. */
struct desk {
    struct hs_authority authority;
    struct hs_issued    issued;
    struct hs_keyring   ring;
    struct hs_err       err;
    int                 authority_fd;
    int                 out_fd;
    uint64_t            now_s;
    struct hs_writer    certificate;
    struct hs_writer    key;
    struct hs_writer    node_certificate;
    struct hs_writer    node_key;
    struct hs_writer    keyring;
    struct hs_writer    revoked;
    uint8_t             small[5][HS_CERTIFICATE_TEXT_BYTES_MAX];
    uint8_t             large[HS_REVOKED_TEXT_BYTES_MAX];
};

static struct desk *open_desk(void)
{
    struct desk *desk = calloc(1, sizeof *desk);

    if (!desk) return NULL;
    desk->authority_fd = -1;
    desk->out_fd = -1;
    desk->now_s = (uint64_t)time(NULL);
    hs_writer_init(&desk->certificate, desk->small[0], sizeof desk->small[0]);
    hs_writer_init(&desk->key, desk->small[1], sizeof desk->small[1]);
    hs_writer_init(&desk->node_certificate, desk->small[2], sizeof desk->small[2]);
    hs_writer_init(&desk->node_key, desk->small[3], sizeof desk->small[3]);
    hs_writer_init(&desk->keyring, desk->small[4], sizeof desk->small[4]);
    hs_writer_init(&desk->revoked, desk->large, sizeof desk->large);
    return desk;
}

static void close_desk(struct desk *desk)
{
    if (desk->authority_fd >= 0) (void)close(desk->authority_fd);
    if (desk->out_fd >= 0) (void)close(desk->out_fd);
    hs_issued_fini(&desk->issued);
    hs_authority_close(&desk->authority);
    explicit_bzero(desk, sizeof *desk);
    free(desk);
}

static struct hs_view view_of(const struct hs_writer *text)
{
    return hs_view_of(text->data, text->used_bytes);
}

/* Says what went wrong; bad input exits otherwise than a full disk. */
static int fail(const struct desk *desk, int code, const char *what)
{
    if (code == HS_EXIT_USAGE && (desk->err.code == -EIO || desk->err.code == -ENOMEM))
        code = HS_EXIT_INTERNAL;
    return hs_complain(code, "%s: %s", what, desk->err.text);
}

/* --days, into a moment; 0: it is no such number. */
static uint64_t until(const struct hs_options *options, uint64_t now_s, uint64_t days)
{
    const char *text = options->value[HS_OPTION_days];

    if (text &&
        (hs_units_parse_count(hs_view_text(text), &days) < 0 || days == 0 || days > DAYS_MAX))
        return 0;
    return now_s + days * DAY_S;
}

static int refuse_days(const struct hs_options *options)
{
    return hs_complain(HS_EXIT_USAGE, "--days takes a number from 1 to %d, not \"%.60s\"", DAYS_MAX,
                       options->value[HS_OPTION_days]);
}

static int needs(const struct hs_options *options, enum hs_option option, const char *sentence)
{
    if (options->value[option]) return 0;
    return hs_complain(HS_EXIT_USAGE, "%s", sentence);
}

static int print_line(const char *format, ...) HS_PRINTF(1, 2);

static int print_line(const char *format, ...)
{
    char    text[LINE_BYTES + PATH_MAX];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return hs_print_text(STDOUT_FILENO, text) < 0 ? HS_EXIT_OUTPUT : HS_EXIT_OK;
}

/* In which directory it went wrong, in front of the sentence. */
static int in_directory(struct desk *desk, const char *directory)
{
    return hs_err_wrap(&desk->err, "%.100s", directory);
}

/* Two words of the command line, as the name of an authority. */
static int read_authority_name(const struct hs_options *options, struct hs_identity *name)
{
    char          text[2 * HS_IDENTITY_TEXT_BYTES];
    struct hs_err err;
    const char   *cluster = options->value[HS_OPTION_cluster];
    const char   *environment = options->value[HS_OPTION_environment];

    (void)snprintf(text, sizeof text, "hyperscale://%.*s/%.*s", HS_IDENTITY_TEXT_BYTES, cluster,
                   HS_IDENTITY_TEXT_BYTES, environment);
    if (hs_identity_parse_authority(hs_view_text(text), name, &err) == 0) return 0;
    return hs_complain(HS_EXIT_USAGE, "--cluster and --environment: %s", err.text);
}

static int write_authority(struct desk *desk, const struct hs_options *options)
{
    struct hs_credential_file files[] = {{HS_FILE_AUTHORITY_KEY, true, view_of(&desk->key)},
                                         {HS_FILE_AUTHORITY, false, view_of(&desk->certificate)},
                                         {HS_FILE_REVOKED, false, view_of(&desk->revoked)},
                                         {HS_FILE_KEYRING, true, view_of(&desk->keyring)},
                                         {HS_FILE_ISSUED, true, hs_view_of("", 0)}};
    bool                      is_forced = options->value[HS_OPTION_force] != NULL;

    desk->authority_fd = hs_credential_directory(options->operand, true, &desk->err);
    if (desk->authority_fd < 0) return desk->authority_fd;
    if (hs_credential_lock(desk->authority_fd, &desk->err) ||
        hs_credential_files_write(desk->authority_fd, files, sizeof files / sizeof *files,
                                  is_forced, &desk->err))
        return in_directory(desk, options->operand);
    return 0;
}

static int make_authority(struct desk *desk, const struct hs_identity *name, uint64_t until_s)
{
    struct hs_validity validity = {desk->now_s - BACKDATED_S, until_s};
    uint64_t           list_until_s = desk->now_s + (uint64_t)LIST_DAYS * DAY_S;
    struct hs_err     *err = &desk->err;
    int                rc;

    if (list_until_s > until_s) list_until_s = until_s;
    rc = hs_authority_create(&desk->authority, name, &validity, list_until_s, err);
    if (!rc) rc = hs_put_key(&desk->key, desk->authority.key, err);
    if (!rc) rc = hs_put_certificate(&desk->certificate, desk->authority.trust.authority, err);
    if (!rc) rc = hs_put_revoked(&desk->revoked, desk->authority.trust.revoked, err);
    if (!rc) rc = hs_keyring_generate(&desk->ring, err);
    if (!rc) hs_keyring_print(&desk->ring, &desk->keyring);
    return rc;
}

int hs_command_ca_init(const struct hs_options *options)
{
    struct hs_identity name;
    struct desk       *desk;
    uint64_t           until_s;
    int                rc = needs(options, HS_OPTION_cluster, "ca init needs --cluster NAME");

    if (!rc) rc = needs(options, HS_OPTION_environment, "ca init needs --environment NAME");
    if (!rc) rc = read_authority_name(options, &name);
    if (rc) return rc;
    desk = open_desk();
    if (!desk) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    until_s = until(options, desk->now_s, AUTHORITY_DAYS);
    if (!until_s)
        rc = refuse_days(options);
    else if (make_authority(desk, &name, until_s))
        rc = fail(desk, HS_EXIT_INTERNAL, "ca init");
    else if (write_authority(desk, options))
        rc = fail(desk, HS_EXIT_OUTPUT, "ca init");
    else
        rc = print_line("authority of %s/%s in %s: keep its ca.key to yourself\n", name.cluster,
                        name.environment, options->operand);
    close_desk(desk);
    return rc;
}

/* The authority as it lies in --ca DIR, checked and locked. */
static int load_authority(struct desk *desk, const struct hs_options *options)
{
    struct hs_err *err = &desk->err;
    int            fd = hs_credential_directory(options->value[HS_OPTION_ca], false, err);
    int            rc = fd < 0 ? fd : 0;

    desk->authority_fd = fd;
    if (!rc) rc = hs_credential_lock(fd, err);
    if (!rc) rc = hs_credential_file_read(fd, HS_FILE_AUTHORITY_KEY, true, &desk->key, err);
    if (!rc) rc = hs_credential_file_read(fd, HS_FILE_AUTHORITY, false, &desk->certificate, err);
    if (!rc) rc = hs_credential_file_read(fd, HS_FILE_REVOKED, false, &desk->revoked, err);
    if (!rc)
        rc = hs_authority_open(&desk->authority, view_of(&desk->certificate), view_of(&desk->key),
                               view_of(&desk->revoked), err);
    return rc && fd >= 0 ? in_directory(desk, options->value[HS_OPTION_ca]) : rc;
}

static int load_keyring(struct desk *desk, const struct hs_options *options)
{
    struct hs_err *err = &desk->err;
    int            rc =
        hs_credential_file_read(desk->authority_fd, HS_FILE_KEYRING, true, &desk->keyring, err);

    if (!rc) {
        rc = hs_keyring_parse(view_of(&desk->keyring), &desk->ring, err);
        if (rc) rc = hs_err_wrap(err, HS_FILE_KEYRING);
    }
    return rc ? in_directory(desk, options->value[HS_OPTION_ca]) : 0;
}

/* DATACENTER/ROLE/NODE of the authority's cluster and environment. */
static int read_node_name(const struct desk *desk, const char *operand,
                          struct hs_identity *identity)
{
    char          text[2 * HS_IDENTITY_TEXT_BYTES];
    char          front[HS_IDENTITY_TEXT_BYTES];
    struct hs_err err;
    unsigned      slashes = 0;

    for (const char *c = operand; *c; c++) slashes += *c == '/';
    if (slashes != 2)
        return hs_complain(HS_EXIT_USAGE,
                           "\"%.120s\" is not DATACENTER/ROLE/NODE, like east/gate/gate-1",
                           operand);
    hs_identity_authority_text(&desk->authority.trust.identity, front);
    (void)snprintf(text, sizeof text, "%s/%.*s", front, HS_IDENTITY_TEXT_BYTES, operand);
    if (hs_identity_parse(hs_view_text(text), identity, &err) == 0) return 0;
    return hs_complain(HS_EXIT_USAGE, "\"%.120s\": %s", operand, err.text);
}

/* The authority's own record, before anybody else can see the certificate. */
static int record_issued(struct desk *desk, const struct hs_identity *identity, uint64_t until_s)
{
    char      name[HS_IDENTITY_TEXT_BYTES];
    char      moment[32] = "";
    char      line[LINE_BYTES];
    time_t    until_time = (time_t)until_s;
    struct tm date;

    if (gmtime_r(&until_time, &date))
        (void)strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%SZ", &date);
    hs_identity_text(identity, name);
    (void)snprintf(line, sizeof line, "%s %s %s\n", desk->issued.serial, moment, name);
    return hs_credential_file_append(desk->authority_fd, HS_FILE_ISSUED, hs_view_text(line),
                                     &desk->err);
}

static int write_issued(struct desk *desk, const struct hs_options *options,
                        const struct hs_identity *identity, uint64_t until_s)
{
    struct hs_credential_file files[] = {
        {HS_FILE_KEY, true, view_of(&desk->node_key)},
        {HS_FILE_CERTIFICATE, false, view_of(&desk->node_certificate)},
        {HS_FILE_AUTHORITY, false, view_of(&desk->certificate)},
        {HS_FILE_REVOKED, false, view_of(&desk->revoked)},
        {HS_FILE_KEYRING, true, view_of(&desk->keyring)}};
    unsigned count = hs_identity_is_host(identity) ? 5 : 4;
    int      rc;

    desk->out_fd = hs_credential_directory(options->value[HS_OPTION_out], true, &desk->err);
    if (desk->out_fd < 0) return desk->out_fd;
    rc = record_issued(desk, identity, until_s);
    if (rc) return in_directory(desk, options->value[HS_OPTION_ca]);
    rc = hs_credential_files_write(desk->out_fd, files, count,
                                   options->value[HS_OPTION_force] != NULL, &desk->err);
    return rc ? in_directory(desk, options->value[HS_OPTION_out]) : 0;
}

static int make_node(struct desk *desk, const struct hs_identity *identity, uint64_t until_s)
{
    struct hs_validity validity = {desk->now_s - BACKDATED_S, until_s};
    struct hs_err     *err = &desk->err;
    int                rc =
        hs_authority_issue(&desk->authority, identity, &validity, desk->now_s, &desk->issued, err);

    if (!rc) rc = hs_put_certificate(&desk->node_certificate, desk->issued.certificate, err);
    if (!rc) rc = hs_put_key(&desk->node_key, desk->issued.key, err);
    return rc;
}

static int issue(struct desk *desk, const struct hs_options *options)
{
    uint64_t           until_s = until(options, desk->now_s, NODE_DAYS);
    char               name[HS_IDENTITY_TEXT_BYTES];
    struct hs_identity identity;
    int                rc;

    if (!until_s) return refuse_days(options);
    if (load_authority(desk, options)) return fail(desk, HS_EXIT_USAGE, "ca issue");
    rc = read_node_name(desk, options->operand, &identity);
    if (rc) return rc;
    if (hs_identity_is_host(&identity) && load_keyring(desk, options))
        return fail(desk, HS_EXIT_USAGE, "ca issue");
    if (make_node(desk, &identity, until_s)) return fail(desk, HS_EXIT_USAGE, "ca issue");
    if (write_issued(desk, options, &identity, until_s))
        return fail(desk, HS_EXIT_OUTPUT, "ca issue");
    hs_identity_text(&identity, name);
    return print_line("%s %s in %s\n", desk->issued.serial, name, options->value[HS_OPTION_out]);
}

int hs_command_ca_issue(const struct hs_options *options)
{
    struct desk *desk;
    int          rc = needs(options, HS_OPTION_ca, "ca issue needs --ca DIR, what ca init made");

    if (!rc) rc = needs(options, HS_OPTION_out, "ca issue needs --out DIR, where the files go");
    if (rc) return rc;
    desk = open_desk();
    if (!desk) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    rc = issue(desk, options);
    close_desk(desk);
    return rc;
}

static bool is_serial(const char *text, char serial[HS_SERIAL_TEXT_BYTES])
{
    if (strlen(text) != HS_SERIAL_TEXT_BYTES - 1) return false;
    for (size_t i = 0; i < HS_SERIAL_TEXT_BYTES; i++) {
        if (text[i] && !isxdigit((unsigned char)text[i])) return false;
        serial[i] = (char)tolower((unsigned char)text[i]);
    }
    return true;
}

/* Is there a line that begins with the serial in the record? */
static int find_issued(struct desk *desk, const char *serial)
{
    uint8_t         *memory = malloc(ISSUED_BYTES);
    struct hs_writer record;
    bool             is_found = false;
    int              rc;

    if (!memory) return hs_err_set(&desk->err, -ENOMEM, HS_FILE_ISSUED);
    hs_writer_init(&record, memory, ISSUED_BYTES);
    rc = hs_credential_file_read(desk->authority_fd, HS_FILE_ISSUED, false, &record, &desk->err);
    for (size_t at = 0; !rc && at + HS_SERIAL_TEXT_BYTES <= record.used_bytes;) {
        const uint8_t *end = memchr(memory + at, '\n', record.used_bytes - at);

        is_found = is_found || memcmp(memory + at, serial, HS_SERIAL_TEXT_BYTES - 1) == 0;
        at = end ? (size_t)(end - memory) + 1 : record.used_bytes;
    }
    free(memory);
    if (rc || is_found) return rc;
    return hs_err_refuse(&desk->err, "this authority has issued no certificate of that serial");
}

/* The serial of a certificate in a file, if it is ours. */
static int read_serial(struct desk *desk, const char *path, char serial[HS_SERIAL_TEXT_BYTES])
{
    struct hs_err *err = &desk->err;
    X509          *certificate = NULL;
    int rc = hs_credential_file_read(AT_FDCWD, path, false, &desk->node_certificate, err);

    if (rc) return rc;
    certificate = hs_certificate_read(view_of(&desk->node_certificate), err);
    if (!certificate) return hs_err_wrap(err, "%.100s", path);
    rc = hs_certificate_serial(X509_get0_serialNumber(certificate), serial, err);
    if (!rc && !hs_authority_has_signed(&desk->authority, certificate))
        rc = hs_err_refuse(err, "%.100s: this authority has not issued it", path);
    X509_free(certificate);
    return rc;
}

static int write_list(struct desk *desk)
{
    struct hs_credential_file file = {HS_FILE_REVOKED, false, {0}};
    int                       rc;

    hs_writer_init(&desk->revoked, desk->large, sizeof desk->large);
    rc = hs_put_revoked(&desk->revoked, desk->authority.trust.revoked, &desk->err);
    file.content = view_of(&desk->revoked);
    if (!rc) rc = hs_credential_files_write(desk->authority_fd, &file, 1, true, &desk->err);
    return rc;
}

static int take_back(struct desk *desk, const struct hs_options *options)
{
    const char *directory = options->value[HS_OPTION_ca];
    const char *operand = options->operand;
    uint64_t    until_s = until(options, desk->now_s, LIST_DAYS);
    char        serial[HS_SERIAL_TEXT_BYTES] = "";
    bool        is_old;

    if (!until_s) return refuse_days(options);
    if (load_authority(desk, options)) return fail(desk, HS_EXIT_USAGE, "ca revoke");
    if (operand && (is_serial(operand, serial) ? find_issued(desk, serial)
                                               : read_serial(desk, operand, serial)))
        return fail(desk, HS_EXIT_USAGE, "ca revoke");
    is_old = operand && hs_authority_has_revoked(&desk->authority, serial);
    if (hs_authority_sign_list(&desk->authority, operand ? serial : NULL, desk->now_s - BACKDATED_S,
                               until_s, &desk->err))
        return fail(desk, HS_EXIT_INTERNAL, "ca revoke");
    if (write_list(desk)) return fail(desk, HS_EXIT_OUTPUT, "ca revoke");
    return print_line("%s%s; the new list is %s/" HS_FILE_REVOKED ", each host needs it\n",
                      operand ? serial : "signed anew",
                      !operand ? "" : (is_old ? " was revoked before" : " revoked"), directory);
}

int hs_command_ca_revoke(const struct hs_options *options)
{
    struct desk *desk;
    int          rc = needs(options, HS_OPTION_ca, "ca revoke needs --ca DIR, what ca init made");

    if (rc) return rc;
    desk = open_desk();
    if (!desk) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    rc = take_back(desk, options);
    close_desk(desk);
    return rc;
}
