// Runs a command and prints what it cost as one JSON line on stdout: measure [--out FILE] COMMAND...
//   {"wall":s,"cpu":s,"user":s,"sys":s,"rss_mb":MB,"code":exit code}
// CPU and peak memory by wait4 of the process and all that it waited for (a pipeline under `sh -c`); the peak
// is that of the largest single process. The command's stdout goes to FILE, default /dev/null; its stderr is
// ours.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>

namespace {
double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}
}  // namespace

int main(int argc, char** argv) {
  const char* out = "/dev/null";
  int first = 1;
  if (argc > 3 && std::strcmp(argv[1], "--out") == 0) {
    out = argv[2];
    first = 3;
  }
  if (first >= argc) {
    std::fputs("usage: measure [--out FILE] COMMAND...\n", stderr);
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0) {
    std::perror("measure: fork");
    return 1;
  }
  if (child == 0) {
    const int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0) {
      std::perror(out);
      _exit(126);
    }
    execvp(argv[first], argv + first);
    std::perror(argv[first]);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) < 0) {
    std::perror("measure: wait4");
    return 1;
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const double user = seconds(usage.ru_utime);
  const double sys = seconds(usage.ru_stime);
  std::printf(R"({"wall":%.3f,"cpu":%.3f,"user":%.3f,"sys":%.3f,"rss_mb":%.1f,"code":%d})"
              "\n",
              wall.count(), user + sys, user, sys, static_cast<double>(usage.ru_maxrss) / 1024.0, code);
  return code;
}
