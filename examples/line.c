/* The line through (1, 0), (2, 1), ... (5, 4), learned, then continued to 6 .. 10.
 *
 * 100 epochs of plain descent at rate 0.01, as often shown, are not enough: they predict 4.44 where
 * the line says 5. Trained until the loss is small, the answers are 5, 6, 7, 8 and 9.
 */
#include <stdio.h>
#include <treadle/nn.h>

int main(void)
{
    const float x[5] = {1, 2, 3, 4, 5}, y[5] = {0, 1, 2, 3, 4}, new_x[5] = {6, 7, 8, 9, 10};
    const tdl_fit_options options = {
        .optimiser = "sgd", .rate = 0.08, .epochs = 5000, .batch = 5, .stop_loss = 1e-9};
    float predicted[5];
    tdl_model *model = NULL;
    tdl_fit_result result;
    tdl_report why = {0};

    if (tdl_model_new(1, &model, &why) || tdl_model_dense(model, 1, "none", &why) ||
        tdl_model_fit(model, x, y, 5, &options, &result, &why) ||
        tdl_model_predict(model, new_x, 5, predicted, &why)) {
        fprintf(stderr, "%s\n", why.message);
    } else {
        printf("%u epochs, loss %.1e\n", result.epochs, result.loss);
        for (int i = 0; i < 5; i++)
            printf("%.0f -> %.3f\n", new_x[i], predicted[i]);
    }
    tdl_model_free(model);
    return tdl_status_exit(why.status);
}
