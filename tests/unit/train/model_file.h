/* A folder of its own for each test of a model file's format, and the one file written in it. */
#ifndef TDL_TEST_MODEL_FILE_H
#define TDL_TEST_MODEL_FILE_H

typedef struct folder {
    char path[64], file[80];
} folder;

/* cmocka's set-up and tear-down; *state is the folder. */
int make_folder(void **state);
int remove_folder(void **state);

#endif
