/* A generative adversarial network (Goodfellow et al., NeurIPS 2014) that learns eight Gaussians on
 * a circle, the usual test for mode collapse.
 *
 *     gan_mixture [STEPS [SEED]]
 *
 * One block of parameters, two nets over it: the critic alone, and the generator with the critic
 * behind it. Who learns is a matter of frozen slices: each net is planned with the other's frozen,
 * and each step thaws its own. Real and generated points are blurred for the critic, less and less,
 * so that the two never lie apart from each other (instance noise, Sonderby et al., ICLR 2017).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "train/optim.h"
#include "train/params_load.h"

enum { NOISE = 4, WIDTH = 64, LAYERS = 3, BATCH = 256, MODES = 8, SAMPLES = 4096 };
static const double RADIUS = 2, DEVIATION = 0.1, BLUR = 0.8, RATE = 2e-3;

typedef struct gan {
    tdl_params params;
    tdl_net critic, generator;                    /* the second holds the critic too */
    int weight[2][LAYERS], bias[2][LAYERS], made; /* generator's, critic's; value of the points */
    tdl_optim optim[2];
} gan;

/* ---- the nets ---- */

static void declare(gan *g, int part, const char *name, size_t in, size_t out)
{
    for (int i = 0; i < LAYERS; i++) {
        char slice[TDL_PARAM_NAME_MAX];

        snprintf(slice, sizeof slice, "%s.w%d", name, i + 1);
        g->weight[part][i] =
            tdl_params_add(&g->params, slice, i ? WIDTH : in, i + 1 < LAYERS ? WIDTH : out, true);
        snprintf(slice, sizeof slice, "%s.b%d", name, i + 1);
        g->bias[part][i] =
            tdl_params_add(&g->params, slice, 1, i + 1 < LAYERS ? WIDTH : out, false);
    }
}

static int append(const gan *g, int part, tdl_net *net, int h, tdl_act act)
{
    for (int i = 0; i < LAYERS; i++)
        h = tdl_net_linear(net, h, g->weight[part][i], g->bias[part][i],
                           i + 1 < LAYERS ? act : TDL_ACT_NONE);
    return h;
}

static void choose(gan *g, int part)
{
    tdl_params_freeze_matching(&g->params, "*");
    tdl_params_thaw_matching(&g->params, part ? "critic.*" : "generator.*");
}

static tdl_status open_gan(gan *g, uint64_t seed, tdl_report *why)
{
    const tdl_plan_options plan = {.rows = 2 * BATCH, .backward = true};
    tdl_optim_config config;
    tdl_status st;

    *g = (gan){0};
    declare(g, 0, "generator", NOISE, 2);
    declare(g, 1, "critic", 2, 1);
    if ((st = tdl_params_seal(&g->params, why)) || (st = tdl_optim_defaults("adam", &config, why)))
        return st;
    config.beta1 = 0.5;
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < LAYERS; i++)
            tdl_init_slice(&g->params, g->weight[part][i], TDL_INIT_HE, 1, seed);
        if ((st = tdl_optim_init(&g->optim[part], &config, &g->params, why)))
            return st;
    }
    g->critic.params = g->generator.params = &g->params;
    tdl_net_bce(&g->critic,
                append(g, 1, &g->critic, tdl_net_input(&g->critic, 2), TDL_ACT_LEAKY_RELU), NULL);
    g->made = append(g, 0, &g->generator, tdl_net_input(&g->generator, NOISE), TDL_ACT_RELU);
    tdl_net_keep(&g->generator, g->made);
    tdl_net_bce(&g->generator, append(g, 1, &g->generator, g->made, TDL_ACT_LEAKY_RELU), NULL);
    choose(g, 1);
    if ((st = tdl_net_plan(&g->critic, &plan, why)))
        return st;
    choose(g, 0);
    return tdl_net_plan(&g->generator, &plan, why);
}

static void close_gan(gan *g)
{
    for (int part = 0; part < 2; part++)
        tdl_optim_release(&g->optim[part]);
    tdl_net_release(&g->critic);
    tdl_net_release(&g->generator);
    tdl_params_release(&g->params);
}

/* ---- points ---- */

/* A point of the mixture, or noise to make one of. */
static void draw_real(tdl_rng *rng, float *x)
{
    double angle = 2 * M_PI * (double)tdl_rng_below(rng, MODES) / MODES;

    x[0] = (float)(RADIUS * cos(angle) + DEVIATION * tdl_rng_normal(rng));
    x[1] = (float)(RADIUS * sin(angle) + DEVIATION * tdl_rng_normal(rng));
}

static void draw_normal(tdl_rng *rng, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)tdl_rng_normal(rng);
}

/* `n` points of the generator: up to a batch. */
static tdl_status generate(gan *g, tdl_rng *rng, size_t n, float *ret, tdl_report *why)
{
    const tdl_run run = {0};
    float noise[BATCH * NOISE];
    const tdl_nn_batch batch = {.rows = n, .x = noise};
    tdl_status st;

    draw_normal(rng, n * NOISE, noise);
    if ((st = tdl_net_forward(&g->generator, &batch, &run, why)))
        return st;
    const float *made = tdl_net_value(&g->generator, g->made);
    for (size_t i = 0; i < 2 * n; i++)
        ret[i] = made[i];
    return TDL_OK;
}

/* ---- training ---- */

static tdl_status step(gan *g, int part, const tdl_nn_batch *batch, double rate, tdl_report *why)
{
    const tdl_run run = {.training = true};
    tdl_net *net = part ? &g->critic : &g->generator;
    tdl_status st;

    choose(g, part);
    if ((st = tdl_net_forward(net, batch, &run, why)) ||
        (st = tdl_net_backward(net, batch, &run, 1 / (double)batch->rows, why)))
        return st;
    tdl_optim_step(&g->optim[part], &g->params, rate, 1, NULL);
    return TDL_OK;
}

/* Real points are 1, generated ones 0. */
static tdl_status teach_critic(gan *g, tdl_rng *rng, double blur, double rate, tdl_report *why)
{
    float x[2 * BATCH * 2], real[2 * BATCH];
    const tdl_nn_batch batch = {.rows = 2 * BATCH, .x = x, .value = real};
    tdl_status st;

    for (size_t i = 0; i < BATCH; i++)
        draw_real(rng, x + 2 * i);
    if ((st = generate(g, rng, BATCH, x + 2 * BATCH, why)))
        return st;
    for (size_t i = 0; i < 2 * BATCH; i++)
        real[i] = i < BATCH;
    for (size_t i = 0; i < 4 * BATCH; i++)
        x[i] += (float)(blur * tdl_rng_normal(rng));
    return step(g, 1, &batch, rate, why);
}

/* The generator wants its points to be taken for real. */
static tdl_status teach_generator(gan *g, tdl_rng *rng, double rate, tdl_report *why)
{
    float noise[BATCH * NOISE], wanted[BATCH];
    const tdl_nn_batch batch = {.rows = BATCH, .x = noise, .value = wanted};

    draw_normal(rng, BATCH * NOISE, noise);
    for (size_t i = 0; i < BATCH; i++)
        wanted[i] = 1;
    return step(g, 0, &batch, rate, why);
}

static tdl_status train(gan *g, unsigned steps, tdl_rng *rng, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (unsigned t = 0; !st && t < steps; t++) {
        double left = 1 - t / (double)steps;

        if (!(st = teach_critic(g, rng, BLUR * left * left, RATE * left, why)))
            st = teach_generator(g, rng, RATE * left, why);
    }
    return st;
}

/* ---- what it has learned ---- */

/* A point within three deviations of a mode is good; a mode with a quarter of its fair share of
 * them is covered. */
static tdl_status measure(gan *g, tdl_rng *rng, tdl_report *why)
{
    size_t at_mode[MODES] = {0}, good = 0, covered = 0;

    for (size_t n = 0; n < SAMPLES; n += BATCH) {
        float x[2 * BATCH];
        tdl_status st = generate(g, rng, BATCH, x, why);

        if (st)
            return st;
        for (size_t i = 0; i < BATCH; i++)
            for (size_t m = 0; m < MODES; m++) {
                double angle = 2 * M_PI * (double)m / MODES;
                double dx = (double)x[2 * i] - RADIUS * cos(angle);
                double dy = (double)x[2 * i + 1] - RADIUS * sin(angle);

                at_mode[m] += sqrt(dx * dx + dy * dy) <= 3 * DEVIATION;
            }
    }
    for (size_t m = 0; m < MODES; m++) {
        good += at_mode[m];
        covered += at_mode[m] >= SAMPLES / MODES / 4;
    }
    printf("modes covered: %zu of %d\n", covered, MODES);
    printf("points within three deviations of a mode: %.1f %%\n", 100.0 * (double)good / SAMPLES);
    return TDL_OK;
}

int main(int count, char **argument)
{
    unsigned steps = count > 1 ? (unsigned)atoi(argument[1]) : 4000;
    unsigned seed = count > 2 ? (unsigned)atoi(argument[2]) : 1;
    tdl_rng rng = tdl_rng_make(seed, 1);
    tdl_report why = {0};
    gan g;

    if (open_gan(&g, seed, &why) || train(&g, steps, &rng, &why) || measure(&g, &rng, &why))
        fprintf(stderr, "%s\n", why.message);
    close_gan(&g);
    return tdl_status_exit(why.status);
}
