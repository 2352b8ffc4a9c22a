#include <stdlib.h>

#include "table/matrix.h"

void tdl_matrix_release(tdl_matrix *matrix)
{
    free(matrix->x);
    free(matrix->category);
    free(matrix->pixel);
    *matrix = (tdl_matrix){0};
}
