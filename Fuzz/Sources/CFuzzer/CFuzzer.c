#include "CFuzzer.h"

static int (*parser)(const uint8_t *, size_t);

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test_one_input)(const uint8_t *data, size_t size));

// libFuzzer's own main, which is linked but never run, refers to this name.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return parser(data, size); }

int cfuzzer_run(int *argc, char ***argv, int (*test_one_input)(const uint8_t *, size_t)) {
  parser = test_one_input;
  return LLVMFuzzerRunDriver(argc, argv, LLVMFuzzerTestOneInput);
}
