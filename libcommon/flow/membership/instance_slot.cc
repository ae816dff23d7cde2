#include "flow/membership/instance_slot.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/fs.h"
#include "flow/membership/slots_directory.h"
#include "kafka/kafka_error.h"

namespace kutils::flow {
namespace {

constexpr int kMaxSlots = 10'000;
constexpr std::chrono::milliseconds kLockLook{5};
constexpr const char* kWhereElse =
    "give a directory that can be written with --state-dir, or a name with --instance";

std::string random_id() {
  std::random_device random;
  std::string text;
  for (int i = 0; i < 4; ++i) {
    char part[12];
    std::snprintf(part, sizeof part, "%08x", random());
    text += part;
  }
  return text;
}

Error cannot(const std::string& what, const std::string& path) {
  return usage_error("cannot " + what + " " + path + ": " + std::strerror(errno), kWhereElse);
}

std::string read_file(const std::string& path) {
  std::string text;
  if (FILE* file = std::fopen(path.c_str(), "re")) {
    char buffer[64];
    const size_t n = std::fread(buffer, 1, sizeof buffer, file);
    text.assign(buffer, n);
    std::fclose(file);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Made once, whoever comes first: written aside, then linked, which fails if another was quicker.
std::string directory_uuid(const std::string& state_dir) {
  const std::string path = state_dir + "/uuid";
  std::string uuid = read_file(path);
  if (!uuid.empty()) return uuid;
  const std::string mine = random_id();
  const std::string aside = path + "." + mine;
  const int fd = open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  FILE* file = fd < 0 ? nullptr : fdopen(fd, "w");
  if (!file) throw cannot("write", aside);
  const bool written = std::fputs((mine + "\n").c_str(), file) >= 0 && fsync(fileno(file)) == 0;
  if (std::fclose(file) != 0 || !written) throw cannot("write", aside);
  if (link(aside.c_str(), path.c_str()) != 0 && errno != EEXIST) throw cannot("make", path);
  unlink(aside.c_str());
  uuid = read_file(path);
  if (uuid.empty()) throw cannot("read", path);
  return uuid;
}

void make_slots(const std::string& directory) {
  try {
    make_directories(directory);
  } catch (const Error& error) {
    throw usage_error(error.what(), kWhereElse);
  }
}

std::unique_ptr<FileLock> open_lock(const std::string& path) {
  try {
    return std::make_unique<FileLock>(path);
  } catch (const Error& error) {
    throw usage_error(error.what(), kWhereElse);
  }
}

}  // namespace

std::string slots_directory(const std::string& state_dir, const std::string& group) {
  return state_dir + "/slots/" + file_name_of(group);
}

std::unique_ptr<InstanceSlot> InstanceSlot::take(const std::string& state_dir, const std::string& instance,
                                                 const std::string& group) {
  std::unique_ptr<InstanceSlot> slot(new InstanceSlot());
  slot->group_ = group;
  if (!instance.empty()) {
    slot->instance_id_ = slot->transactional_id_ = group + "." + instance;
    return slot;
  }
  if (state_dir.empty()) {
    slot->transactional_id_ = group + "." + random_id();
    return slot;
  }
  slot->directory_ = slots_directory(state_dir, group);
  make_slots(slot->directory_);
  slot->uuid_ = directory_uuid(state_dir);
  for (int number = 0; number < kMaxSlots; ++number) {
    auto lock = open_lock(slot->path(number, ".lock"));
    if (!lock->try_lock()) continue;
    slot->number_ = number;
    slot->lock_ = std::move(lock);
    slot->instance_id_ = slot->transactional_id_ = slot->slot_name(number);
    return slot;
  }
  throw usage_error("group " + group + " has " + std::to_string(kMaxSlots) + " instances on this machine");
}

std::unique_ptr<FileLock> InstanceSlot::lock_for_init(const StopRequest& stop) const {
  if (!lock_) return nullptr;
  make_slots(directory_);  // somebody may have deleted the state directory since: the changelog has it all
  auto lock = open_lock(path(number_, ".init"));
  while (!lock->try_lock()) {
    if (stop.signal() != 0) {
      throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::abort, 0,
                              "asked to end while another instance ends the transactions of one that died");
    }
    std::this_thread::sleep_for(kLockLook);
  }
  return lock;
}

std::optional<InstanceSlot::DeadSlot> InstanceSlot::next_dead(int& number) const {
  if (!lock_) return std::nullopt;
  for (; number < kMaxSlots; ++number) {
    if (number == number_) continue;
    if (access(path(number, ".lock").c_str(), F_OK) != 0) return std::nullopt;  // slots are dense
    auto init = open_lock(path(number, ".init"));
    if (!init->try_lock()) continue;
    // After the init lock: an owner that comes now waits for us before it initialises.
    const auto owner = open_lock(path(number, ".lock"));
    if (owner->is_locked_by_other()) continue;
    return DeadSlot{slot_name(number++), std::move(init)};
  }
  return std::nullopt;
}

std::string InstanceSlot::path(int number, const char* kind) const {
  return directory_ + "/" + std::to_string(number) + kind;
}

std::string InstanceSlot::slot_name(int number) const {
  return group_ + "." + uuid_ + "." + std::to_string(number);
}

}  // namespace kutils::flow
