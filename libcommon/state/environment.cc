#include "state/environment.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <filesystem>

#include "state/state_error.h"

namespace kutils::state {
namespace {

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

[[noreturn]] void fail(const rocksdb::Status& status, const std::string& doing, const std::string& directory) {
  const std::string message = doing + " the state in " + directory + ": " + status.ToString();
  // A file that is missing or shorter than the manifest says comes as an I/O error, not as corruption.
  if (status.IsCorruption() || status.IsPathNotFound() || status.IsInvalidArgument()) throw CorruptState(message);
  const bool full = status.IsNoSpace();
  throw Error(ExitCode::delivery, message, full ? "make room on the disk, or choose another --state-dir" : "");
}

class RocksCursor final : public Cursor {
 public:
  RocksCursor(std::unique_ptr<rocksdb::Iterator> it, const std::string& directory)
      : it_(std::move(it)), directory_(directory) {}
  void seek(std::string_view key) override { it_->Seek(slice(key)); }
  bool valid() override {
    if (it_->Valid()) return true;
    if (!it_->status().ok()) fail(it_->status(), "cannot read", directory_);
    return false;
  }
  void next() override { it_->Next(); }
  std::string_view key() const override { return view(it_->key()); }
  std::string_view value() const override { return view(it_->value()); }

 private:
  std::unique_ptr<rocksdb::Iterator> it_;
  const std::string& directory_;
};

class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

class RocksBackend final : public Backend {
 public:
  RocksBackend(std::unique_ptr<rocksdb::DB> db, std::string directory)
      : db_(std::move(db)), directory_(std::move(directory)) {
    write_.disableWAL = true;  // the changelog topic is the log
  }
  std::optional<std::string_view> get(std::string_view key) override {
    found_.Reset();
    const rocksdb::Status status = db_->Get(read_, db_->DefaultColumnFamily(), slice(key), &found_);
    if (status.ok()) return view(found_);
    if (status.IsNotFound()) return std::nullopt;
    fail(status, "cannot read", directory_);
  }
  std::unique_ptr<Cursor> cursor() override {
    return std::make_unique<RocksCursor>(std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(read_)), directory_);
  }
  void write(std::span<const Change> changes) override {
    batch_.Clear();
    for (const Change& change : changes) {
      const rocksdb::Status status = change.value.is_null()
                                         ? batch_.Delete(slice(change.key))
                                         : batch_.Put(slice(change.key), slice(change.value.view()));
      if (!status.ok()) fail(status, "cannot write", directory_);
    }
    const rocksdb::Status status = db_->Write(write_, &batch_);
    if (!status.ok()) fail(status, "cannot write", directory_);
    if (batch_.GetDataSize() > kKeepBatchBytes) batch_ = rocksdb::WriteBatch();
  }
  void flush() override {
    const rocksdb::Status status = db_->Flush(rocksdb::FlushOptions());
    if (!status.ok()) fail(status, "cannot write", directory_);
  }
  bool in_memory() const override { return false; }
  uint64_t approximate_rows() override {
    uint64_t rows = 0;
    db_->GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &rows);
    return rows;
  }

 private:
  static constexpr size_t kKeepBatchBytes = 4 << 20;
  std::unique_ptr<rocksdb::DB> db_;
  std::string directory_;
  rocksdb::ReadOptions read_;
  rocksdb::WriteOptions write_;
  rocksdb::PinnableSlice found_;
  rocksdb::WriteBatch batch_;
};

}  // namespace

struct StateEnvironment::Shared {
  size_t cache_bytes;
  rocksdb::Options options;
};

StateEnvironment::StateEnvironment(size_t cache_bytes) : shared_(std::make_unique<Shared>()) {
  cache_bytes = std::max(cache_bytes, size_t{4} << 20);
  shared_->cache_bytes = cache_bytes;
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(cache_bytes);
  rocksdb::Options& options = shared_->options;
  options.create_if_missing = true;
  options.max_background_jobs = 2;
  options.allow_concurrent_memtable_write = false;  // one writer per database
  options.enable_write_thread_adaptive_yield = false;
  options.write_buffer_size = std::clamp(cache_bytes / 4, size_t{1} << 20, size_t{16} << 20);
  options.max_write_buffer_number = 3;
  // Memtables are charged to the cache, so that both together stay within its size.
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(cache_bytes / 2, cache);
  options.max_open_files = 256;
  // Most look-ups find nothing in the memtables: a filter spares them the walk through the skip list.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::ERROR_LEVEL;
  options.keep_log_file_num = 1;
  options.level_compaction_dynamic_level_bytes = true;
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool has_lz4 = std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  options.compression = has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  // Charged to the cache, yet found without looking it up for each read.
  table.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kAll;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
}

StateEnvironment::~StateEnvironment() = default;

std::unique_ptr<Backend> StateEnvironment::open(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    throw Error(ExitCode::delivery, "cannot make the state directory " + directory + ": " + error.message(),
                "choose another one with --state-dir");
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(shared_->options, directory, &db);
  if (!status.ok()) {
    if (status.IsIOError() && !status.IsNoSpace() && std::filesystem::exists(directory + "/CURRENT", error) &&
        status.ToString().find("No such file") != std::string::npos)
      throw CorruptState("a file is missing from the state in " + directory + ": " + status.ToString());
    fail(status, "cannot open", directory);
  }
  return std::make_unique<RocksBackend>(std::unique_ptr<rocksdb::DB>(db), directory);
}

std::unique_ptr<Backend> StateEnvironment::open_read_only(const std::string& directory) {
  rocksdb::Options options = shared_->options;
  options.create_if_missing = false;
  options.max_open_files = -1;  // all are opened now
  options.info_log = std::make_shared<NoLog>();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, directory, &db);
  if (!status.ok()) {
    if (status.IsIOError() && status.ToString().find("No such file") != std::string::npos)
      throw CorruptState("a file is missing from the state in " + directory + ": " + status.ToString());
    fail(status, "cannot read", directory);
  }
  return std::make_unique<RocksBackend>(std::unique_ptr<rocksdb::DB>(db), directory);
}

void StateEnvironment::wipe(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error)
    throw Error(ExitCode::delivery, "cannot delete the state in " + directory + ": " + error.message(),
                "delete it by hand: it is rebuilt from the changelog topic");
}

size_t StateEnvironment::cache_bytes() const { return shared_->cache_bytes; }

}  // namespace kutils::state
