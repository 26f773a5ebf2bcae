// SPDX-License-Identifier: Apache-2.0
/* coordinate.c - springs between places: each sample pulls our own place nearer to where its round
 * trip fits, the more so the less we know and the more the peer does. */
#include "roles/cluster/coordinate.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <math.h>
#include <string.h>

/* Seconds. The figures are those that Serf found good in the field. */
#define PLACE_MAX      10.0f /* farther is no network */
#define ROUND_TRIP_MAX 10.0f
#define ERROR_MAX      1.5f
#define ERROR_MIN      1e-6f
#define HEIGHT_MIN     1e-5f
#define STEP           0.25f  /* of a correction, and of what is learnt about the error */
#define GRAVITY        150.0f /* places drift to the origin by (distance / this)^2 */
#define COINCIDENT     1e-6f
#define UNKNOWN_NS     (200 * HS_NS_PER_MS) /* 100 ms and twice 50 */
#define BOUND_MIN_NS   HS_NS_PER_MS
#define BOUND_MAX_NS   (10 * HS_NS_PER_S)
#define SIGMA_MIN      1e-3f
#define SIGMA_MAX      0.5f
#define LIFE_NS        (300 * HS_NS_PER_S) /* of a coordinate that was told */
#define FRESH_NS       (60 * HS_NS_PER_S)  /* of samples that count as measured */
#define GOOD_ERROR     20e-3f
#define GOOD_ERROR_MIN 1e-3f
#define GOOD_SAMPLES   10.0f

static float seconds_of(uint64_t ns)
{
    return (float)((double)ns / (double)HS_NS_PER_S);
}

static uint64_t ns_of(float seconds)
{
    double ns = (double)seconds * (double)HS_NS_PER_S;

    if (!(ns > (double)BOUND_MIN_NS)) return BOUND_MIN_NS;
    return ns > (double)BOUND_MAX_NS ? BOUND_MAX_NS : (uint64_t)(ns + 0.5);
}

static bool is_within(float value, float least, float most)
{
    return value >= least && value <= most; /* false for what is no number */
}

bool hs_coordinate_is_valid(const struct hs_coordinate *coordinate)
{
    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++)
        if (!is_within(coordinate->at[i], -PLACE_MAX, PLACE_MAX)) return false;
    return is_within(coordinate->height, 0, PLACE_MAX) &&
           is_within(coordinate->adjustment, -PLACE_MAX, PLACE_MAX) &&
           is_within(coordinate->error, 0, ERROR_MAX);
}

static void place_at_origin(struct hs_coordinates *coordinates)
{
    coordinates->own = (struct hs_coordinate){.height = HEIGHT_MIN, .error = ERROR_MAX};
    coordinates->residual_count = 0;
    coordinates->residual_next_idx = 0;
}

void hs_coordinates_init(struct hs_coordinates *coordinates, uint64_t seed)
{
    memset(coordinates, 0, sizeof *coordinates);
    hs_rand_init(&coordinates->rand, seed);
    place_at_origin(coordinates);
}

static float length_of(const float vector[HS_COORDINATE_DIMENSIONS])
{
    float sum = 0;

    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++) sum += vector[i] * vector[i];
    return sqrtf(sum);
}

static void subtract(const float a[HS_COORDINATE_DIMENSIONS],
                     const float b[HS_COORDINATE_DIMENSIONS], float out[HS_COORDINATE_DIMENSIONS])
{
    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++) out[i] = a[i] - b[i];
}

static float distance_of(const struct hs_coordinate *a, const struct hs_coordinate *b)
{
    float between[HS_COORDINATE_DIMENSIONS];

    subtract(a->at, b->at, between);
    return length_of(between) + a->height + b->height;
}

static void set_random_direction(struct hs_rand *rand, float vector[HS_COORDINATE_DIMENSIONS])
{
    float length = 0;

    while (length < 0.01f) {
        for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++)
            vector[i] = (float)hs_rand_below(rand, 20001) / 10000.0f - 1.0f;
        length = length_of(vector);
    }
    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++) vector[i] /= length;
}

/* Away from the peer by force (towards it when negative); the height takes its share of it. */
static void push_away(struct hs_coordinates *coordinates, const struct hs_coordinate *peer,
                      float force)
{
    struct hs_coordinate *own = &coordinates->own;
    float                 direction[HS_COORDINATE_DIMENSIONS];
    float                 length;

    subtract(own->at, peer->at, direction);
    length = length_of(direction);
    if (length > COINCIDENT) {
        for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++) direction[i] /= length;
        own->height =
            fmaxf(HEIGHT_MIN, own->height + (own->height + peer->height) * force / length);
    } else
        set_random_direction(&coordinates->rand, direction);
    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++) own->at[i] += direction[i] * force;
}

static void pull_to_origin(struct hs_coordinate *own)
{
    float length = length_of(own->at);
    float force = (length / GRAVITY) * (length / GRAVITY);

    if (length <= COINCIDENT) return;
    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++) own->at[i] -= own->at[i] / length * force;
}

/* What the space cannot express, on average (half of it is the peer's to bear). */
static void adjust(struct hs_coordinates *coordinates, float residual)
{
    float sum = 0;

    coordinates->residuals[coordinates->residual_next_idx] = residual;
    coordinates->residual_next_idx =
        (coordinates->residual_next_idx + 1) % HS_COORDINATE_ADJUSTMENTS;
    if (coordinates->residual_count < HS_COORDINATE_ADJUSTMENTS) coordinates->residual_count++;
    for (uint32_t i = 0; i < coordinates->residual_count; i++) sum += coordinates->residuals[i];
    coordinates->own.adjustment = sum / (2.0f * (float)coordinates->residual_count);
}

static void move(struct hs_coordinates *coordinates, const struct hs_coordinate *peer, float r)
{
    struct hs_coordinate *own = &coordinates->own;
    float                 distance = distance_of(own, peer);
    float                 wrong = fabsf(r - distance) / r;
    float                 weight = own->error / fmaxf(own->error + peer->error, ERROR_MIN);

    own->error = fminf(ERROR_MAX, wrong * STEP * weight + own->error * (1.0f - STEP * weight));
    push_away(coordinates, peer, STEP * weight * (r - distance));
    adjust(coordinates, r - distance_of(own, peer));
    pull_to_origin(own);
    if (own->samples < UINT32_MAX) own->samples++;
    if (hs_coordinate_is_valid(own)) return;
    coordinates->reset_count++;
    place_at_origin(coordinates);
}

bool hs_coordinates_hear(struct hs_coordinates *coordinates, struct hs_coordinate_peer *peer,
                         const struct hs_coordinate *heard, uint64_t now_ns)
{
    if (!hs_coordinate_is_valid(heard)) {
        coordinates->invalid_count++;
        return false;
    }
    peer->last = *heard;
    peer->received_at_ns = now_ns;
    return true;
}

static bool is_known(const struct hs_coordinate_peer *peer, uint64_t now_ns)
{
    return peer && peer->received_at_ns && now_ns < peer->received_at_ns + LIFE_NS;
}

/* The middle one of the last three, the smaller of two: one outlier is not seen at all. */
static float filter(struct hs_coordinate_peer *peer, float r)
{
    float *at = peer->filter;

    at[peer->sample_count % HS_COORDINATE_FILTER] = r;
    if (peer->sample_count == 0) return r;
    if (peer->sample_count == 1) return fminf(at[0], at[1]);
    return fmaxf(fminf(at[0], at[1]), fminf(fmaxf(at[0], at[1]), at[2]));
}

/* RFC 6298, 2.2 and 2.3. */
static void smooth(struct hs_coordinate_peer *peer, float r)
{
    if (peer->sample_count == 0) {
        peer->srtt = r;
        peer->rttvar = r / 2;
        return;
    }
    peer->rttvar += (fabsf(peer->srtt - r) - peer->rttvar) / 4;
    peer->srtt += (r - peer->srtt) / 8;
}

void hs_coordinates_sample(struct hs_coordinates *coordinates, struct hs_coordinate_peer *peer,
                           uint64_t round_trip_ns, uint64_t now_ns)
{
    float r = seconds_of(round_trip_ns);

    if (!(r > 0 && r <= ROUND_TRIP_MAX)) {
        coordinates->rejected_count++;
        return;
    }
    r = filter(peer, r);
    smooth(peer, r);
    peer->sampled_at_ns[peer->sample_count % HS_COORDINATE_FILTER] = now_ns;
    peer->sample_count++;
    if (peer->sample_count == UINT32_MAX)
        peer->sample_count = HS_COORDINATE_FILTER; /* same place */
    if (is_known(peer, now_ns)) move(coordinates, &peer->last, r);
}

static bool is_measured(const struct hs_coordinate_peer *peer, uint64_t now_ns)
{
    if (!peer || peer->sample_count < HS_COORDINATE_FILTER) return false;
    /* The oldest of the three. */
    return now_ns <= peer->sampled_at_ns[peer->sample_count % HS_COORDINATE_FILTER] + FRESH_NS;
}

static float estimate(const struct hs_coordinate *a, const struct hs_coordinate *b)
{
    float distance = distance_of(a, b);
    float adjusted = distance + a->adjustment + b->adjustment;

    return adjusted > 0 ? adjusted : distance;
}

uint64_t hs_coordinates_bound_ns(const struct hs_coordinates     *coordinates,
                                 const struct hs_coordinate_peer *peer, uint64_t now_ns)
{
    float middle;
    float sigma;

    if (is_measured(peer, now_ns)) return ns_of(peer->srtt + 4 * peer->rttvar);
    if (!is_known(peer, now_ns)) return UNKNOWN_NS;
    middle = estimate(&coordinates->own, &peer->last);
    sigma = middle * (coordinates->own.error + peer->last.error) / 2;
    sigma = fminf(fmaxf(sigma, SIGMA_MIN), SIGMA_MAX);
    return ns_of(middle + 2 * sigma);
}

uint64_t hs_coordinates_estimate_ns(const struct hs_coordinates     *coordinates,
                                    const struct hs_coordinate_peer *peer, uint64_t now_ns)
{
    float middle;

    if (is_measured(peer, now_ns))
        middle = peer->srtt;
    else if (is_known(peer, now_ns))
        middle = estimate(&coordinates->own, &peer->last);
    else
        return 0;
    return (uint64_t)((double)middle * (double)HS_NS_PER_S);
}

float hs_coordinates_quality(const struct hs_coordinates     *coordinates,
                             const struct hs_coordinate_peer *peer, uint64_t now_ns)
{
    float error;
    float age;
    float samples;

    if (!peer || !peer->received_at_ns) return 0;
    error = estimate(&coordinates->own, &peer->last) * peer->last.error;
    age = seconds_of(now_ns - peer->received_at_ns);
    samples = (float)peer->last.samples;
    return fminf(1, samples / GOOD_SAMPLES) * fminf(1, GOOD_ERROR / fmaxf(error, GOOD_ERROR_MIN)) *
           (age > seconds_of(LIFE_NS) ? seconds_of(LIFE_NS) / age : 1);
}
