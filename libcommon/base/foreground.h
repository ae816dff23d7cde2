// Whether what is drawn in place may be drawn now: a process in the background of a shell (`&`, or stopped and
// continued by `bg`) would draw into what the one in the foreground shows.
#pragma once

#include <unistd.h>

namespace kutils {

// True also where `fd` is not the terminal that job control knows (a file, a pipe, another terminal).
inline bool is_in_foreground(int fd) {
  const pid_t group = ::tcgetpgrp(fd);
  return group <= 0 || group == ::getpgrp();
}

}  // namespace kutils
