// Which build this is: of the headers that programs and libraries share, of the compiler and its flags. Parts of two
// builds do not fit together, and crash where they meet.
#pragma once

// Of the library that this is compiled into.
extern "C" const char* kutils_library_build();
