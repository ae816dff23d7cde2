#include "base/fs.h"

#include <stdlib.h>

#include <filesystem>

#include "base/error.h"
#include "base/utf8.h"
#include "support/catch.h"

using namespace kutils;

TEST_CASE("files of state: directories, atomic writes, locks") {
  std::string base = (std::filesystem::temp_directory_path() / "kutils-fs-XXXXXX").string();
  REQUIRE(::mkdtemp(base.data()));
  make_directories(base + "/a/b/c");
  make_directories(base + "/a/b/c");
  const std::string file = base + "/a/b/c/slot";
  CHECK_FALSE(read_file(file));
  write_file_atomically(file, "one");
  write_file_atomically(file, "two");
  CHECK(read_file(file) == "two");
  CHECK_THROWS_AS(make_directories(file + "/x"), Error);
  CHECK_THROWS_AS(write_file_atomically(base + "/none/x", "1"), Error);
  {
    FileLock lock(file), other(file);
    CHECK_FALSE(lock.is_locked_by_other());
    CHECK(lock.try_lock());
    CHECK(other.is_locked_by_other());
    CHECK_FALSE(other.try_lock());
  }
  CHECK(FileLock(file).try_lock());
  std::filesystem::remove_all(base);
}

TEST_CASE("UTF-8 is strict") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("plain ascii text \u00e4 \u20ac \U0001F600"));
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf0\x9f\x98", "12345678\xff"}) {
    CHECK_FALSE(is_utf8(bad));
  }
  std::string out;
  append_utf8(0x20AC, out);
  append_utf8(0x1F600, out);
  CHECK(out == "\u20ac\U0001F600");
  CHECK(utf8_width("a\u20ac\U0001F600") == 3);
}
