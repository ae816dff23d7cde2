#include "state/stored_partition.h"

#include <filesystem>

#include "state/layout.h"
#include "state/partition_store.h"
#include "state/state_error.h"
#include "state/state_format.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::state;

namespace {

struct Directory {
  std::string path = std::filesystem::temp_directory_path() / "kutils-stored-XXXXXX";
  Directory() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~Directory() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("stored partition: rows and meta of a closed store; nothing of an open one") {
  const Directory dir;
  const std::string at = partition_directory(dir.path, "a group/b", 3);
  StateEnvironment environment;
  {
    const auto lock = PartitionLock::try_acquire(at);
    REQUIRE(lock);
    PartitionStore store(environment, at);
    store.operator_store(2).put("k", "v");
    store.operator_store(2).set_description("what");
    store.take_changes();
    store.applied(42, 7);
    CHECK_THROWS_AS(StoredPartition(environment, at), StateInUse);
    store.close();
  }
  CHECK(stored_groups(dir.path) == std::vector<std::string>{"a group/b"});
  StoredPartition stored(environment, at);
  CHECK(stored.changelog_offset() == 42);
  CHECK(stored.applied_wall_ms() == 7);
  REQUIRE(stored.metas().count(2) == 1);
  CHECK(stored.metas().at(2).description == "what");
  CHECK(stored.rows().get("\x02k") == "v");
  // Its owner comes back while it is read.
  const auto lock = PartitionLock::try_acquire(at);
  REQUIRE(lock);
  PartitionStore store(environment, at);
  store.operator_store(2).put("k", "new");
  store.take_changes();
  store.applied(43, 8);
  CHECK(stored.rows().get("\x02k") == "v");
  store.wipe("test");
  CHECK(stored.rows().get("\x02k") == "v");
}

TEST_CASE("stored partition: nothing committed, another version, no mark") {
  const Directory dir;
  StateEnvironment environment;
  const auto with = [&](const char* name, const std::function<void(PartitionStore&)>& fill) {
    const std::string at = partition_directory(dir.path, name, 0);
    const auto lock = PartitionLock::try_acquire(at);
    PartitionStore store(environment, at);
    fill(store);
    store.close();
    return at;
  };
  CHECK(StoredPartition(environment, with("empty", [](PartitionStore&) {})).metas().empty());
  const auto put = [](std::string key, std::string value) {
    return [key, value](PartitionStore& store) {
      const Change change{key, MaybeBytes(std::string_view(value))};
      store.backend().write({&change, 1});
    };
  };
  const std::string newer = with("newer", put(std::string(kLocalRowKey), "\x7f"));
  try {
    StoredPartition stored(environment, newer);
    FAIL("read");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
  }
  const std::string unmarked = with("unmarked", put("\x01g", "x"));
  CHECK_THROWS_AS(StoredPartition(environment, unmarked), CorruptState);
}
