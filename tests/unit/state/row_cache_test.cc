// The cache of applied rows against a plain map, and the sorting of changes.
#include "state/row_cache.h"

#include <map>
#include <random>
#include <string>

#include "state/sorted_changes.h"
#include "support/catch.h"

using namespace kutils;
using state::Change;
using state::RowCache;

namespace {

std::string random_key(std::mt19937& random, unsigned keys) {
  return "\x01g/page/" + std::to_string(random() % keys);
}

}  // namespace

TEST_CASE("A cache of rows never gives a wrong row, however small it is") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const size_t limit : {size_t{1} << 18, size_t{1} << 20, size_t{1} << 26}) {
    std::map<std::string, std::string> truth, database;
    RowCache cache(limit, true);
    for (int i = 0; i < 200'000; ++i) {
      const std::string key = random_key(random, 30'000);
      std::string_view value;
      switch (cache.find(key, value)) {
        case RowCache::Known::present:
          REQUIRE(truth.count(key) == 1);
          REQUIRE(value == truth[key]);
          break;
        case RowCache::Known::absent:
          REQUIRE(truth.count(key) == 0);
          break;
        case RowCache::Known::no: {
          const auto stored = database.find(key);
          REQUIRE((stored == database.end()) == (truth.count(key) == 0));
          if (stored == database.end()) break;
          REQUIRE(stored->second == truth[key]);
          cache.put(key, MaybeBytes(std::string_view(stored->second)), false);
          break;
        }
      }
      const auto what = static_cast<unsigned>(random() % 20);
      if (what < 2) {
        cache.put(key, MaybeBytes(), true);
        truth.erase(key);
      } else if (what == 2) {
        cache.forget(key);  // the database got it past the cache
        truth[key] = database[key] = "large";
      } else if (what < 12) {
        const std::string text(random() % (what == 3 ? 3000 : 30), static_cast<char>('a' + random() % 26));
        cache.put(key, MaybeBytes(std::string_view(text)), true);
        truth[key] = text;
      }
      if (cache.dirty() < 3000) continue;
      std::vector<Change> dirty;
      cache.collect_dirty(dirty);
      REQUIRE(dirty.size() == cache.dirty());
      for (const Change& change : dirty) {
        if (change.value.is_null()) {
          database.erase(std::string(change.key));
        } else {
          database[std::string(change.key)] = change.value.view();
        }
      }
      cache.clean();
      cache.trim();
      REQUIRE(cache.dirty() == 0);
      REQUIRE(database == truth);
      REQUIRE(cache.memory() <= std::max<size_t>(limit + limit / 2, 3'000'000));
    }
  }
}

TEST_CASE("row cache: what find() gave outlives clean(), which another thread's question causes") {
  RowCache cache(3'000'000, true);
  const std::string text(1000, 'x');
  for (int i = 0; i < 2000; ++i) cache.put(std::to_string(i), MaybeBytes(std::string_view(text)), true);
  cache.clean();
  cache.set_limit(300'000);  // more partitions were opened
  cache.put("new", MaybeBytes(std::string_view(text)), true);
  std::string_view given, again;
  REQUIRE(cache.find("1999", given) == RowCache::Known::present);
  cache.clean();
  REQUIRE(cache.find("1999", again) == RowCache::Known::present);
  CHECK(again.data() == given.data());
  cache.trim();
  CHECK(cache.memory() < 450'000);
  CHECK(cache.find("1999", again) == RowCache::Known::no);
}

TEST_CASE("Changes are sorted by key, and the last of a key wins") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> keys, values;
    const auto count = static_cast<unsigned>(random() % 300);
    for (unsigned i = 0; i < count; ++i) {
      std::string key;
      switch (random() % 5) {
        case 0:
          key = std::string(random() % 20, '\0');
          break;  // what looks like padding
        case 1:
          key = std::string("\x01w") + std::string(8, '\x80') + std::to_string(random() % 50);
          break;
        case 2:
          key = std::string(1, '\0') + static_cast<char>(random() % 3);
          break;
        case 3:
          key = "one hot key";
          break;
        default:
          key = random_key(random, 100);
          break;
      }
      keys.push_back(std::move(key));
      values.push_back(std::to_string(i));
    }
    std::map<std::string, std::string> truth;
    std::vector<Change> changes;
    for (unsigned i = 0; i < count; ++i) {
      truth[keys[i]] = values[i];
      changes.push_back({keys[i], MaybeBytes(std::string_view(values[i]))});
    }
    state::sort_unique_changes(changes);
    REQUIRE(changes.size() == truth.size());
    size_t i = 0;
    for (const auto& [key, value] : truth) {
      REQUIRE(changes[i].key == key);
      REQUIRE(changes[i].value.view() == value);
      ++i;
    }
  }
}
