// Rows of large tables: read, and updated by an optimizer, as far as a batch names them.
//
// Reads of rows that lie far apart wait for memory. Here rows are asked for some steps
// before they are needed, so that many reads are under way at once.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <string>

#include "shared.h"

namespace tfctr {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::Var;
using tensorflow::core::RefCountPtr;
using tensorflow::shape_inference::InferenceContext;

REGISTER_OP("TfctrGatherRows")
    .Input("table: resource")
    .Input("ids: T")
    .Output("rows: float")
    .Attr("T: {int32, int64}")
    .Attr("width: int >= 1")
    .SetIsStateful()
    .SetShapeFn([](InferenceContext* c) {
      int64_t width;
      TF_RETURN_IF_ERROR(c->GetAttr("width", &width));
      c->set_output(0, c->Matrix(c->Dim(c->input(1), 0), width));
      return absl::OkStatus();
    });

template <typename Id>
class GatherRows : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    RefCountPtr<Var> variable;
    OP_REQUIRES_OK(context,
                   LookupResource(context, HandleFromInput(context, 0), &variable));
    tensorflow::tf_shared_lock lock(*variable->mu());
    const Tensor& table = *variable->tensor();
    OP_REQUIRES(context, table.dtype() == tensorflow::DT_FLOAT && table.dims() == 2,
                absl::InvalidArgumentError("the table is not a float32 matrix"));
    const int64_t num_rows = table.dim_size(0), width = table.dim_size(1);
    const int64_t count = context->input(1).NumElements();
    Tensor* output;
    OP_REQUIRES_OK(context, context->allocate_output(
                                0, TensorShape({count, width}), &output));
    const float* from = table.flat<float>().data();
    const Id* ids = context->input(1).flat<Id>().data();
    float* to = output->flat<float>().data();
    std::atomic<int64_t> wrong(-1);
    OnAllCores(context, count, 10 + width / 4, [&](int64_t begin, int64_t end) {
      for (int64_t place = begin; place < end; ++place) {
        if (place + kAhead < end) {
          const uint64_t next = ids[place + kAhead];
          if (next < static_cast<uint64_t>(num_rows)) {
            Prefetch(from + next * width, width);
          }
        }
        const uint64_t id = ids[place];
        if (id >= static_cast<uint64_t>(num_rows)) {
          wrong = place;
          return;
        }
        CopyRow(from + id * width, to + place * width, width);
      }
    });
    OP_REQUIRES_OK(context, KnownRow(wrong < 0, wrong < 0 ? 0 : ids[wrong], num_rows));
  }
};

REGISTER_KERNEL_BUILDER(Name("TfctrGatherRows")
                            .Device(tensorflow::DEVICE_CPU)
                            .TypeConstraint<int32_t>("T"),
                        GatherRows<int32_t>);
REGISTER_KERNEL_BUILDER(Name("TfctrGatherRows")
                            .Device(tensorflow::DEVICE_CPU)
                            .TypeConstraint<int64_t>("T"),
                        GatherRows<int64_t>);

// Updates -------------------------------------------------------------------------

// A row, its slots and the sum of its gradients; `h` are the numbers of the rule, of
// which the first is the learning rate.
struct Row {
  float* weights;
  float* slots[2];
  const float* gradient;
  const float* h;
};

// `step(place, zeros, lanes)` for all lanes of a row. The last are fewer where the width
// is no multiple, as where a vector has its linear weight beside it; `zeros` is of the
// type to take them in.
template <typename Part>
inline void ForLanes(int64_t width, const Part& step) {
  int64_t k = 0;
  for (; k + kLanes <= width; k += kLanes) step(k, Zero(), kLanes);
  const int rest = static_cast<int>(width - k);
  if (rest > 4) {
    step(k, Zero(), rest);
  } else if (rest > 0) {
    step(k, Few{}, rest);
  }
}

struct SGD {
  static constexpr int kSlots = 0, kNumbers = 1;
  static constexpr bool kRowWise = false;
  static inline void Step(const Row& row, int64_t width) {
    const float rate = row.h[0];
    ForLanes(width, [&](int64_t k, auto zeros, int lanes) {
      using V = decltype(zeros);
      const V g = LoadSome<V>(row.gradient + k, lanes);
      StoreSome(row.weights + k, LoadSome<V>(row.weights + k, lanes) - rate * g, lanes);
    });
  }
};

struct Adagrad {  // h: learning rate, epsilon
  static constexpr int kSlots = 1, kNumbers = 2;
  static constexpr bool kRowWise = false;
  static inline void Step(const Row& row, int64_t width) {
    const float rate = row.h[0], epsilon = row.h[1];
    ForLanes(width, [&](int64_t k, auto zeros, int lanes) {
      using V = decltype(zeros);
      const V g = LoadSome<V>(row.gradient + k, lanes);
      const V total = LoadSome<V>(row.slots[0] + k, lanes) + g * g;
      const V step = rate * g / Root(total + epsilon);
      StoreSome(row.slots[0] + k, total, lanes);
      StoreSome(row.weights + k, LoadSome<V>(row.weights + k, lanes) - step, lanes);
    });
  }
};

struct RowWiseAdagrad {  // h: learning rate, epsilon
  static constexpr int kSlots = 1, kNumbers = 2;
  static constexpr bool kRowWise = true;
  static inline void Step(const Row& row, int64_t width) {
    Lanes squares = Zero();
    for (int64_t k = 0; k < width; k += kLanes) {
      const int lanes = static_cast<int>(std::min<int64_t>(kLanes, width - k));
      const Lanes g = LoadSome<Lanes>(row.gradient + k, lanes);
      squares += g * g;
    }
    const float total = row.slots[0][0] + Sum(squares) / static_cast<float>(width);
    row.slots[0][0] = total;
    const float numbers[] = {row.h[0] / std::sqrt(total + row.h[1])};
    SGD::Step({row.weights, {nullptr, nullptr}, row.gradient, numbers}, width);
  }
};

struct Adam {  // h: corrected learning rate, 1 - beta_1, 1 - beta_2, epsilon
  static constexpr int kSlots = 2, kNumbers = 4;
  static constexpr bool kRowWise = false;
  static inline void Step(const Row& row, int64_t width) {
    const float rate = row.h[0], first = row.h[1], second = row.h[2];
    const float epsilon = row.h[3];
    ForLanes(width, [&](int64_t k, auto zeros, int lanes) {
      using V = decltype(zeros);
      const V g = LoadSome<V>(row.gradient + k, lanes);
      V momentum = LoadSome<V>(row.slots[0] + k, lanes);
      V velocity = LoadSome<V>(row.slots[1] + k, lanes);
      momentum += first * (g - momentum);
      velocity += second * (g * g - velocity);
      const V step = rate * momentum / (Root(velocity) + epsilon);
      StoreSome(row.slots[0] + k, momentum, lanes);
      StoreSome(row.slots[1] + k, velocity, lanes);
      StoreSome(row.weights + k, LoadSome<V>(row.weights + k, lanes) - step, lanes);
    });
  }
};

struct FTRL {  // h: learning rate, l1, l2, beta
  static constexpr int kSlots = 2, kNumbers = 4;
  static constexpr bool kRowWise = false;
  static inline void Step(const Row& row, int64_t width) {
    const float per_rate = 1 / row.h[0], l1 = row.h[1], l2 = row.h[2];
    const float beta = row.h[3];
    ForLanes(width, [&](int64_t k, auto zeros, int lanes) {
      using V = decltype(zeros);
      const V g = LoadSome<V>(row.gradient + k, lanes);
      const V before = LoadSome<V>(row.slots[0] + k, lanes), after = before + g * g;
      const V root = Root(after), weights = LoadSome<V>(row.weights + k, lanes);
      const V linear = LoadSome<V>(row.slots[1] + k, lanes) + g -
                       (root - Root(before)) * per_rate * weights;
      const V positive = l1 - linear, negative = -l1 - linear;
      const V step =
          (linear > 0 ? positive : negative) / ((beta + root) * per_rate + 2 * l2);
      StoreSome(row.slots[0] + k, after, lanes);
      StoreSome(row.slots[1] + k, linear, lanes);
      const V size = linear > 0 ? linear : -linear;
      StoreSome(row.weights + k, size > l1 ? step : zeros, lanes);
    });
  }
};

inline void AddRow(const float* from, float* to, int64_t width) {
  ForLanes(width, [&](int64_t k, auto zeros, int lanes) {
    using V = decltype(zeros);
    StoreSome(to + k, LoadSome<V>(to + k, lanes) + LoadSome<V>(from + k, lanes), lanes);
  });
}

// The places of a batch's ids, those of equal ids together and in their order.
//
// Ids go to at most 256 ranges of rows first; ranges are then sorted and updated each
// by one thread. So results do not depend on the number of threads.
class SortedPlaces {
 public:
  struct Entry {
    uint32_t place;
    uint32_t low;  // the id within its range
  };

  template <typename Id>
  SortedPlaces(const Id* ids, int64_t count, int64_t num_rows) : entries_(count) {
    int bits = 1;
    while ((int64_t{1} << bits) < num_rows) ++bits;
    shift_ = std::max(0, bits - 8);
    const int64_t ranges = ((num_rows - 1) >> shift_) + 1;
    starts_.assign(ranges + 1, 0);
    for (int64_t place = 0; place < count; ++place) ++starts_[(ids[place] >> shift_) + 1];
    for (int64_t range = 0; range < ranges; ++range) starts_[range + 1] += starts_[range];
    std::vector<int64_t> next(starts_.begin(), starts_.end() - 1);
    const int64_t mask = (int64_t{1} << shift_) - 1;
    for (int64_t place = 0; place < count; ++place) {
      const int64_t id = ids[place];
      entries_[next[id >> shift_]++] = {static_cast<uint32_t>(place),
                                        static_cast<uint32_t>(id & mask)};
    }
  }

  int64_t num_ranges() const { return starts_.size() - 1; }
  int64_t size(int64_t range) const { return starts_[range + 1] - starts_[range]; }
  int64_t first_row(int64_t range) const { return range << shift_; }

  // The entries of a range in the order of their ids, in `own` or in `other`.
  const Entry* Sorted(int64_t range, std::vector<Entry>* own,
                      std::vector<Entry>* other) const {
    const int64_t count = size(range);
    own->assign(entries_.begin() + starts_[range], entries_.begin() + starts_[range + 1]);
    other->resize(count);
    if (shift_ == 0 || count < 2) return own->data();
    if (count < 48) {
      // Insertion keeps the order of equal ones, too.
      Entry* e = own->data();
      for (int64_t k = 1; k < count; ++k) {
        const Entry entry = e[k];
        int64_t to = k;
        for (; to > 0 && e[to - 1].low > entry.low; --to) e[to] = e[to - 1];
        e[to] = entry;
      }
      return e;
    }
    const int passes = (shift_ + 7) / 8, digit = (shift_ + passes - 1) / passes;
    const uint32_t mask = (1u << digit) - 1;
    Entry *from = own->data(), *to = other->data();
    for (int pass = 0, low = 0; pass < passes; ++pass, low += digit) {
      uint32_t starts[257] = {0};
      for (int64_t k = 0; k < count; ++k) ++starts[((from[k].low >> low) & mask) + 1];
      for (uint32_t value = 0; value <= mask; ++value) starts[value + 1] += starts[value];
      for (int64_t k = 0; k < count; ++k) to[starts[(from[k].low >> low) & mask]++] = from[k];
      std::swap(from, to);
    }
    return from;
  }

 private:
  int shift_;
  std::vector<Entry> entries_;
  std::vector<int64_t> starts_;
};

REGISTER_OP("TfctrUpdateRows")
    .Input("table: resource")
    .Input("slots: num_slots * resource")
    .Input("ids: T")
    .Input("gradient: float")
    .Input("kept: float")
    .Input("numbers: float")
    .Attr("num_slots: int >= 0")
    .Attr("rule: {'sgd', 'adagrad', 'row_wise_adagrad', 'adam', 'ftrl'}")
    .Attr("T: {int32, int64}")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs);

// Memory of a variable that may be written in place, as TensorFlow's own sparse
// updates take it: from here on reads of the whole variable are copies.
Status Writable(OpKernelContext* context, Var* variable, float** data) {
  tensorflow::mutex_lock lock(*variable->mu());
  Tensor* tensor = variable->tensor();
  if (tensor->dtype() != tensorflow::DT_FLOAT || tensor->dims() != 2) {
    return absl::InvalidArgumentError("a table or slot is not a float32 matrix");
  }
  if (!variable->copy_on_read_mode.load()) {
    if (!tensor->RefCountIsOne()) {
      Tensor copy;
      TF_RETURN_IF_ERROR(context->allocate_temp(tensor->dtype(), tensor->shape(), &copy));
      std::memcpy(copy.flat<float>().data(), tensor->flat<float>().data(),
                  tensor->TotalBytes());
      *tensor = copy;
    }
    variable->copy_on_read_mode.store(true);
  }
  *data = tensor->flat<float>().data();
  return absl::OkStatus();
}

template <typename Id>
class UpdateRows : public OpKernel {
 public:
  explicit UpdateRows(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("rule", &rule_));
    OP_REQUIRES_OK(construction, construction->GetAttr("num_slots", &num_slots_));
  }

  void Compute(OpKernelContext* context) override {
    if (rule_ == "sgd") return Update<SGD>(context);
    if (rule_ == "adagrad") return Update<Adagrad>(context);
    if (rule_ == "row_wise_adagrad") return Update<RowWiseAdagrad>(context);
    if (rule_ == "adam") return Update<Adam>(context);
    Update<FTRL>(context);
  }

 private:
  std::string rule_;
  int num_slots_;

  template <typename Rule>
  void Update(OpKernelContext* context) {
    const Tensor& ids = context->input(num_slots_ + 1);
    const Tensor& gradient = context->input(num_slots_ + 2);
    const Tensor& numbers = context->input(num_slots_ + 4);
    RefCountPtr<Var> variables[3];
    float* data[3] = {nullptr, nullptr, nullptr};
    OP_REQUIRES(context, num_slots_ == Rule::kSlots,
                absl::InvalidArgumentError("wrong number of slots"));
    for (int k = 0; k <= num_slots_; ++k) {
      OP_REQUIRES_OK(context, LookupResource(context, HandleFromInput(context, k),
                                             &variables[k]));
      OP_REQUIRES_OK(context, Writable(context, variables[k].get(), &data[k]));
    }
    const Tensor& table = *variables[0]->tensor();
    const int64_t num_rows = table.dim_size(0), width = table.dim_size(1);
    const int64_t slot_width = Rule::kRowWise ? 1 : width;
    for (int k = 1; k <= num_slots_; ++k) {
      const TensorShape expected({num_rows, slot_width});
      OP_REQUIRES(context, variables[k]->tensor()->shape() == expected,
                  absl::InvalidArgumentError("a slot has another shape"));
    }
    const int64_t count = ids.NumElements();
    OP_REQUIRES(context, gradient.NumElements() == count * width,
                absl::InvalidArgumentError("gradient and ids do not fit"));
    OP_REQUIRES(context, numbers.NumElements() == Rule::kNumbers,
                absl::InvalidArgumentError("wrong number of numbers"));
    OP_REQUIRES(context, count < (int64_t{1} << 32) && num_rows < (int64_t{1} << 40),
                absl::InvalidArgumentError("too many ids or rows"));
    const Id* values = ids.flat<Id>().data();
    for (int64_t place = 0; place < count; ++place) {
      const Id id = values[place];
      if (static_cast<uint64_t>(id) < static_cast<uint64_t>(num_rows)) continue;
      OP_REQUIRES_OK(context, KnownRow(false, id, num_rows));
    }
    if (count == 0) return;
    const Job job = {data, gradient.flat<float>().data(),
                     context->input(num_slots_ + 3).scalar<float>()(),
                     numbers.flat<float>().data(), width, slot_width};
    const SortedPlaces places(values, count, num_rows);
    const int64_t cost = (count / places.num_ranges() + 1) * (30 + 2 * width);
    OnAllCores(context, places.num_ranges(), cost, [&](int64_t begin, int64_t end) {
      std::vector<SortedPlaces::Entry> own, other;
      std::vector<float> sum(width);
      for (int64_t range = begin; range < end; ++range) {
        UpdateRange<Rule>(job, places, range, &own, &other, sum.data());
      }
    });
  }

  struct Job {
    float* const* data;
    const float* gradient;
    float kept;  // share of the weights that decay leaves
    const float* numbers;
    int64_t width, slot_width;
  };

  template <typename Rule>
  static void UpdateRange(const Job& job, const SortedPlaces& places, int64_t range,
                          std::vector<SortedPlaces::Entry>* own,
                          std::vector<SortedPlaces::Entry>* other, float* sum) {
    const int64_t count = places.size(range), width = job.width;
    const int64_t first = places.first_row(range);
    const auto* entries = places.Sorted(range, own, other);
    auto ask = [&](int64_t k) {
      Prefetch(job.gradient + int64_t{entries[k].place} * width, width);
      if (k && entries[k].low == entries[k - 1].low) return;
      const int64_t id = first + entries[k].low;
      Prefetch(job.data[0] + id * width, width);
      for (int s = 1; s <= Rule::kSlots; ++s) {
        Prefetch(job.data[s] + id * job.slot_width, job.slot_width);
      }
    };
    for (int64_t k = 0; k < std::min(kAhead, count); ++k) ask(k);
    for (int64_t k = 0; k < count;) {
      const uint32_t low = entries[k].low;
      const float* gradient = job.gradient + int64_t{entries[k].place} * width;
      int64_t next = k + 1;
      if (next < count && entries[next].low == low) {
        CopyRow(gradient, sum, width);
        for (; next < count && entries[next].low == low; ++next) {
          if (next + kAhead < count) ask(next + kAhead);
          AddRow(job.gradient + int64_t{entries[next].place} * width, sum, width);
        }
        gradient = sum;
      }
      if (k + kAhead < count) ask(k + kAhead);
      const int64_t id = first + low;
      Row row = {job.data[0] + id * width, {nullptr, nullptr}, gradient, job.numbers};
      for (int s = 0; s < Rule::kSlots; ++s) {
        row.slots[s] = job.data[s + 1] + id * job.slot_width;
      }
      if (job.kept != 1.0f) {
        for (int64_t j = 0; j < width; ++j) row.weights[j] *= job.kept;
      }
      Rule::Step(row, width);
      k = next;
    }
  }
};

REGISTER_KERNEL_BUILDER(Name("TfctrUpdateRows")
                            .Device(tensorflow::DEVICE_CPU)
                            .TypeConstraint<int32_t>("T"),
                        UpdateRows<int32_t>);
REGISTER_KERNEL_BUILDER(Name("TfctrUpdateRows")
                            .Device(tensorflow::DEVICE_CPU)
                            .TypeConstraint<int64_t>("T"),
                        UpdateRows<int64_t>);

}  // namespace
}  // namespace tfctr
