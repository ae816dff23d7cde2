#include "base/build.h"

#include "kutils_build.h"  // made by libcommon/build_stamp.cmake

const char* kutils_library_build() { return KUTILS_BUILD; }
