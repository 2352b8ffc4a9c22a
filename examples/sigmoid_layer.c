/* A layer of two units over two inputs: y = sigmoid(x W + b).
 *
 * Every output is sigmoid(1 * 0.5 + 0 * 0.5 + 0.1) = sigmoid(0.6) = 0.6456563. A text in circulation
 * prints 0.54030846 for this example, in one column: both are wrong.
 */
#include <stdio.h>
#include <treadle/nn.h>

int main(void)
{
    const float x[2][2] = {{1, 0}, {0, 1}};
    float y[2][2];
    tdl_model *model = NULL;
    tdl_report why = {0};

    if (tdl_model_new(2, &model, &why) || tdl_model_dense(model, 2, "sigmoid", &why) ||
        tdl_model_fill(model, "dense.0.weight", 0.5F, &why) ||
        tdl_model_fill(model, "dense.0.bias", 0.1F, &why) ||
        tdl_model_predict(model, x[0], 2, y[0], &why))
        fprintf(stderr, "%s\n", why.message);
    else
        printf("%.7f %.7f\n%.7f %.7f\n", y[0][0], y[0][1], y[1][0], y[1][1]);
    tdl_model_free(model);
    return tdl_status_exit(why.status);
}
