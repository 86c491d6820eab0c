// `tf.Example` records to padded columns, without a tensor or an object between.
//
// Whatever is not as declared is left to TensorFlow's own parser, which knows what to
// say of it: here it only ends the operation.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>

#include "shared.h"

namespace tfctr {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::tstring;
using tensorflow::shape_inference::InferenceContext;

REGISTER_OP("TfctrParseExamples")
    .Input("serialized: string")
    .Input("part: int64")
    .Output("columns: dtypes")
    .Attr("names: list(string)")
    .Attr("dtypes: list({float, int64, string})")
    .Attr("widths: list(int)")
    .Attr("kinds: list(string)")
    .SetIsStateful()
    .SetShapeFn([](InferenceContext* c) {
      std::vector<int64_t> widths;
      TF_RETURN_IF_ERROR(c->GetAttr("widths", &widths));
      for (size_t k = 0; k < widths.size(); ++k) {
        c->set_output(k, c->Matrix(InferenceContext::kUnknownDim, widths[k]));
      }
      return absl::OkStatus();
    });

// The fields of a message in the wire format of protocol buffers, one after another.
class Fields {
 public:
  explicit Fields(std::string_view data)
      : at_(data.data()), end_(data.data() + data.size()) {}

  // Goes to the next field; false at the end and at what is no message (`is_broken`).
  bool Next() {
    if (at_ == end_ || is_broken) return false;
    uint64_t tag;
    if (!Varint(&tag)) return Broken();
    number = tag >> 3;
    wire = tag & 7;
    if (wire == 0) return Varint(&varint) || Broken();
    uint64_t size = wire == 5 ? 4 : wire == 1 ? 8 : 0;
    if (wire == 2 ? !Varint(&size) : !size) return Broken();
    if (size > static_cast<uint64_t>(end_ - at_)) return Broken();
    bytes = std::string_view(at_, size);
    at_ += size;
    return true;
  }

  bool Varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && at_ < end_; shift += 7) {
      const uint64_t byte = static_cast<unsigned char>(*at_++);
      *value |= (byte & 127) << shift;
      if (byte < 128) return true;
    }
    return false;
  }

  bool IsAtEnd() const { return at_ == end_; }

  uint64_t number = 0, varint = 0;
  int wire = 0;
  std::string_view bytes;
  bool is_broken = false;

 private:
  bool Broken() {
    is_broken = true;
    return false;
  }

  const char *at_, *end_;
};

enum class Kind { kExact, kRequired, kFirst, kLast };

// A column, and where its values go.
struct Target {
  tensorflow::DataType dtype;
  int64_t width;
  Kind kind;
  float* floats = nullptr;
  int64_t* integers = nullptr;
  tstring* texts = nullptr;
};

// Numbers are packed into one field or have a field each; a list in parts is odd.
inline bool IsPart(const Fields& fields, int64_t count, bool* is_packed) {
  if (fields.number != 1 || (count > 0 && *is_packed)) return false;
  *is_packed = fields.wire == 2;
  return !*is_packed || count == 0;
}

// Values of a list: counted, then the first or last ones put where they belong.
struct FloatList {
  static constexpr uint64_t kField = 2;
  static bool Count(std::string_view list, int64_t* count) {
    Fields fields(list);
    bool is_packed = false;
    for (*count = 0; fields.Next();) {
      if (!IsPart(fields, *count, &is_packed)) return false;
      if (!is_packed && fields.wire != 5) return false;
      if (fields.bytes.size() % 4) return false;
      *count += fields.bytes.size() / 4;
    }
    return !fields.is_broken;
  }
  static void Put(std::string_view list, int64_t skip, int64_t count, float* to) {
    Fields fields(list);
    while (count > 0 && fields.Next()) {
      const int64_t given = fields.bytes.size() / 4;
      const int64_t from = std::min(skip, given);
      const int64_t taken = std::min(given - from, count);
      std::memcpy(to, fields.bytes.data() + 4 * from, 4 * taken);
      to += taken, count -= taken, skip -= from;
    }
  }
};

struct IntegerList {
  static constexpr uint64_t kField = 3;
  static bool Count(std::string_view list, int64_t* count) {
    Fields fields(list);
    bool is_packed = false;
    for (*count = 0; fields.Next();) {
      if (!IsPart(fields, *count, &is_packed)) return false;
      if (!is_packed) {
        if (fields.wire != 0) return false;
        ++*count;
        continue;
      }
      Fields packed(fields.bytes);
      for (uint64_t value; !packed.IsAtEnd(); ++*count) {
        if (!packed.Varint(&value)) return false;
      }
    }
    return !fields.is_broken;
  }
  static void Put(std::string_view list, int64_t skip, int64_t count, int64_t* to) {
    Fields fields(list);
    const auto put = [&](uint64_t value) {
      if (skip-- > 0) return;
      *to++ = static_cast<int64_t>(value);
      --count;
    };
    while (count > 0 && fields.Next()) {
      if (fields.wire == 0) {
        put(fields.varint);
        continue;
      }
      Fields packed(fields.bytes);
      uint64_t value;
      while (count > 0 && !packed.IsAtEnd() && packed.Varint(&value)) put(value);
    }
  }
};

struct TextList {
  static constexpr uint64_t kField = 1;
  static bool Count(std::string_view list, int64_t* count) {
    Fields fields(list);
    for (*count = 0; fields.Next(); ++*count) {
      if (fields.number != 1 || fields.wire != 2) return false;
    }
    return !fields.is_broken;
  }
  static void Put(std::string_view list, int64_t skip, int64_t count, tstring* to) {
    Fields fields(list);
    while (count > 0 && fields.Next()) {
      if (skip-- > 0) continue;
      (to++)->assign(fields.bytes.data(), fields.bytes.size());
      --count;
    }
  }
};

template <typename List, typename Value>
bool PutList(std::string_view list, const Target& target, Value* row) {
  int64_t count;
  if (!List::Count(list, &count)) return false;
  const bool is_exact = target.kind == Kind::kExact || target.kind == Kind::kRequired;
  if (is_exact && count != target.width) return false;
  const int64_t kept = std::min(count, target.width);
  List::Put(list, target.kind == Kind::kLast ? count - kept : 0, kept, row);
  return true;
}

// The only field of a message that has one; false where it is not so simple.
bool Only(std::string_view message, uint64_t* number, std::string_view* bytes) {
  Fields fields(message);
  *number = 0;
  if (!fields.Next()) return !fields.is_broken;
  *number = fields.number;
  *bytes = fields.bytes;
  // There is no field 0, which stands for none here.
  return fields.number && fields.wire == 2 && fields.IsAtEnd();
}

class Parser {
 public:
  Parser(const std::vector<std::string>& names, std::vector<Target> targets)
      : targets_(std::move(targets)) {
    for (size_t k = 0; k < names.size(); ++k) places_[names[k]] = k;
  }

  // False where TensorFlow's parser shall look at the example.
  bool Parse(std::string_view example, int64_t row, std::vector<char>* seen) const {
    seen->assign(targets_.size(), 0);
    for (size_t k = 0; k < targets_.size(); ++k) Clear(targets_[k], row);
    uint64_t number;
    std::string_view features;
    if (!Only(example, &number, &features) || number > 1) return false;
    Fields entries(number ? features : std::string_view());
    while (entries.Next()) {
      if (entries.number != 1 || entries.wire != 2) return false;
      std::string_view name, feature;
      Fields entry(entries.bytes);
      for (uint64_t expected = 1; entry.Next(); ++expected) {
        if (entry.number != expected || expected > 2 || entry.wire != 2) return false;
        (expected == 1 ? name : feature) = entry.bytes;
      }
      if (entry.is_broken) return false;
      const auto found = places_.find(name);
      if (found == places_.end()) continue;
      if ((*seen)[found->second]) return false;
      std::string_view list;
      if (!Only(feature, &number, &list)) return false;
      if (!number) continue;  // a feature without a list is a missing one
      (*seen)[found->second] = 1;
      if (!Put(targets_[found->second], number, list, row)) return false;
    }
    if (entries.is_broken) return false;
    for (size_t k = 0; k < targets_.size(); ++k) {
      if (targets_[k].kind == Kind::kRequired && !(*seen)[k]) return false;
    }
    return true;
  }

 private:
  static void Clear(const Target& target, int64_t row) {
    const int64_t begin = row * target.width;
    if (target.floats) {
      std::fill_n(target.floats + begin, target.width,
                  std::numeric_limits<float>::quiet_NaN());
    } else if (target.integers) {
      std::fill_n(target.integers + begin, target.width, -1);
    }  // texts are made empty
  }

  static bool Put(const Target& target, uint64_t number, std::string_view list,
                  int64_t row) {
    const int64_t begin = row * target.width;
    if (target.floats) {
      return number == FloatList::kField &&
             PutList<FloatList>(list, target, target.floats + begin);
    }
    if (target.integers) {
      return number == IntegerList::kField &&
             PutList<IntegerList>(list, target, target.integers + begin);
    }
    return number == TextList::kField &&
           PutList<TextList>(list, target, target.texts + begin);
  }

  std::vector<Target> targets_;
  std::unordered_map<std::string_view, size_t> places_;
};

// CRC-32C as TFRecord files have it.
uint32_t Checksum(std::string_view data) {
  uint64_t sum = 0xffffffffu;
  const char* at = data.data();
  size_t left = data.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    sum = _mm_crc32_u64(sum, word);
  }
  uint32_t rest = static_cast<uint32_t>(sum);
  for (; left; ++at, --left) rest = _mm_crc32_u8(rest, *at);
  rest = ~rest;
  return ((rest >> 15) | (rest << 17)) + 0xa282ead8u;
}

// The records of a part of a TFRecord file; false where one is cut off. Their checksums
// are checked later, on all cores.
bool Split(std::string_view file, std::vector<std::string_view>* records) {
  while (!file.empty()) {
    uint64_t size;
    if (file.size() < 16) return false;
    std::memcpy(&size, file.data(), 8);
    if (size > file.size() - 16) return false;
    records->push_back(file.substr(0, size + 16));
    file.remove_prefix(size + 16);
  }
  return true;
}

bool IsSound(std::string_view record) {
  uint32_t of_size, of_data;
  const std::string_view data = record.substr(12, record.size() - 16);
  std::memcpy(&of_size, record.data() + 8, 4);
  std::memcpy(&of_data, data.data() + data.size(), 4);
  return Checksum(record.substr(0, 8)) == of_size && Checksum(data) == of_data;
}

// Bytes `[begin, end)` of a file; false where it cannot be read so far.
bool Read(const std::string& path, int64_t begin, int64_t end, std::string* data) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  data->resize(end - begin);
  int64_t done = begin;
  while (done < end) {
    const ssize_t got = pread(file, data->data() + (done - begin), end - done, done);
    if (got <= 0) break;
    done += got;
  }
  close(file);
  return done == end;
}

// Of `serialized` examples, or where `part` has a begin and an end, of that part of the
// file whose path `serialized` is.
class ParseExamples : public OpKernel {
 public:
  explicit ParseExamples(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("names", &names_));
    OP_REQUIRES_OK(context, context->GetAttr("dtypes", &dtypes_));
    OP_REQUIRES_OK(context, context->GetAttr("widths", &widths_));
    OP_REQUIRES_OK(context, context->GetAttr("kinds", &kinds_));
    OP_REQUIRES(context,
                names_.size() == dtypes_.size() && names_.size() == widths_.size() &&
                    names_.size() == kinds_.size(),
                absl::InvalidArgumentError("names, dtypes, widths, kinds differ"));
  }

  void Compute(OpKernelContext* context) override {
    const auto texts = context->input(0).flat<tstring>();
    const auto part = context->input(1).flat<int64_t>();
    const bool is_file = part.size() == 2;
    std::vector<std::string_view> records;
    // Fresh memory for each block would cost as much as to read it.
    thread_local std::string data;
    if (is_file) {
      OP_REQUIRES(context,
                  texts.size() == 1 && 0 <= part(0) && part(0) <= part(1) &&
                      Read(texts(0), part(0), part(1), &data),
                  absl::DataLossError("the file cannot be read"));
      OP_REQUIRES(context, Split(data, &records),
                  absl::DataLossError("a record is cut off"));
    } else {
      for (int64_t k = 0; k < texts.size(); ++k) {
        records.emplace_back(texts(k).data(), texts(k).size());
      }
    }
    const int64_t count = records.size();
    std::vector<Target> targets;
    for (size_t k = 0; k < names_.size(); ++k) {
      Tensor* output;
      OP_REQUIRES_OK(context, context->allocate_output(
                                  k, TensorShape({count, widths_[k]}), &output));
      Target target{dtypes_[k], widths_[k], KindOf(kinds_[k])};
      if (target.dtype == tensorflow::DT_FLOAT) {
        target.floats = output->flat<float>().data();
      } else if (target.dtype == tensorflow::DT_INT64) {
        target.integers = output->flat<int64_t>().data();
      } else {
        target.texts = output->flat<tstring>().data();
      }
      targets.push_back(target);
    }
    const Parser parser(names_, std::move(targets));
    std::atomic<int64_t> odd(-1), unsound(-1);
    OnAllCores(context, count, 100 * names_.size(), [&](int64_t begin, int64_t end) {
      std::vector<char> seen;
      for (int64_t row = begin; row < end; ++row) {
        std::string_view record = records[row];
        if (is_file) {
          if (!IsSound(record)) {
            unsound = row;
            return;
          }
          record = record.substr(12, record.size() - 16);
        }
        if (!parser.Parse(record, row, &seen)) {
          odd = row;
          return;
        }
      }
    });
    OP_REQUIRES(context, unsound < 0,
                absl::DataLossError(absl::StrCat("record ", unsound.load(),
                                                 " has another checksum")));
    OP_REQUIRES(context, odd < 0,
                absl::InvalidArgumentError(
                    absl::StrCat("example ", odd.load(), " is not as declared")));
  }

 private:
  static Kind KindOf(const std::string& name) {
    return name == "last"       ? Kind::kLast
           : name == "first"    ? Kind::kFirst
           : name == "required" ? Kind::kRequired
                                : Kind::kExact;
  }

  std::vector<std::string> names_, kinds_;
  std::vector<tensorflow::DataType> dtypes_;
  std::vector<int64_t> widths_;
};

REGISTER_KERNEL_BUILDER(Name("TfctrParseExamples").Device(tensorflow::DEVICE_CPU),
                        ParseExamples);

}  // namespace
}  // namespace tfctr
