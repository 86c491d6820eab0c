// The time-aware LSTM of TLSI with all that its gates get, in one pass: nothing of the
// size of all gates goes through memory but what the gradient needs.
//
// Gates stand in the order `i, f, g, kept, o, added`, so that what the states, the
// intervals (to kept, o) and the ages (to o, added) give are products on columns that
// lie together.

#include "recurrence.h"

namespace tfctr {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

constexpr int64_t kSaved = 9;  // the gates, the cell, and what ages and intervals gave

// A matrix whose columns are `blocks` of `units`, each padded to whole lanes; and the
// same turned over.
struct Blocks {
  int64_t rows, blocks, units, padded, turned_width;
  std::vector<float> data, turned;

  Blocks(const Tensor& from, int64_t blocks)
      : rows(from.dims() == 1 ? 1 : from.dim_size(0)),
        blocks(blocks),
        units(from.dim_size(from.dims() - 1) / blocks),
        padded(Padded(units)),
        turned_width(Padded(rows)),
        data(rows * blocks * padded),
        turned(blocks * padded * turned_width) {
    const float* values = from.flat<float>().data();
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t b = 0; b < blocks; ++b) {
        for (int64_t k = 0; k < units; ++k, ++values) {
          data[(r * blocks + b) * padded + k] = *values;
          turned[(b * padded + k) * turned_width + r] = *values;
        }
      }
    }
  }

  int64_t width() const { return blocks * padded; }
  int64_t size() const { return rows * width(); }

  // Without padding, the sum of shares that lie `stride` apart, in their order.
  void Sum(const float* shares, int64_t count, int64_t stride, float* to) const {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t b = 0; b < blocks; ++b) {
        for (int64_t k = 0; k < units; ++k) {
          float sum = 0;
          const float* from = shares + (r * blocks + b) * padded + k;
          for (int64_t s = 0; s < count; ++s) sum += from[s * stride];
          *to++ = sum;
        }
      }
    }
  }
};

// Inputs of both passes, as in the operation's declaration.
struct Cell {
  const Tensor &events, &times, &mask;
  Blocks kernel, bias, recurrent, ages, intervals, time_kernel, time_bias;
  int64_t batch, length, dim, features, units, padded;

  explicit Cell(OpKernelContext* context)
      : events(context->input(0)),
        times(context->input(1)),
        mask(context->input(2)),
        kernel(context->input(3), 6),
        bias(context->input(4), 6),
        recurrent(context->input(5), 4),
        ages(context->input(6), 2),
        intervals(context->input(7), 2),
        time_kernel(context->input(8), 2),
        time_bias(context->input(9), 2),
        batch(mask.dim_size(0)),
        length(mask.dim_size(1)),
        dim(kernel.rows),
        features(time_kernel.rows),
        units(recurrent.rows),
        padded(recurrent.padded) {}

  static Status Check(OpKernelContext* context) {
    const auto shape = [&](int k) { return context->input(k).shape(); };
    const Status wrong =
        absl::InvalidArgumentError("inputs of the time-aware LSTM do not fit");
    for (int k : {0, 1}) {
      if (shape(k).dims() != 3) return wrong;
    }
    for (int k : {2, 3, 5, 6, 7, 8}) {
      if (shape(k).dims() != 2) return wrong;
    }
    const int64_t batch = shape(2).dim_size(0), length = shape(2).dim_size(1);
    const int64_t dim = shape(3).dim_size(0), features = shape(8).dim_size(0);
    const int64_t u = shape(5).dim_size(0);
    const bool fits = shape(0) == TensorShape({batch, length, dim}) &&
                      shape(1) == TensorShape({batch, length, features}) &&
                      shape(3).dim_size(1) == 6 * u && shape(4) == TensorShape({6 * u}) &&
                      shape(5).dim_size(1) == 4 * u &&
                      shape(6) == TensorShape({u, 2 * u}) &&
                      shape(7) == TensorShape({u, 2 * u}) &&
                      shape(8).dim_size(1) == 2 * u && shape(9) == TensorShape({2 * u});
    return fits ? absl::OkStatus() : wrong;
  }

  int64_t cost() const {
    return kBlock * length * units * (6 * dim + 8 * units + 2 * features + 60) / 16;
  }
};

inline void Copies(const Block16& block, int64_t n, int64_t step, const float* from,
                   int64_t width, float* to, int64_t stride) {
  for (int64_t r = 0; r < n; ++r) {
    CopyRow(from + block.at(r, step) * width, to + r * stride, width);
  }
}

inline void SetRows(const std::vector<float>& row, int64_t n, float* to) {
  for (int64_t r = 0; r < n; ++r) {
    std::copy(row.begin(), row.end(), to + r * row.size());
  }
}

void Forward(const Cell& c, const Block16& block, float* outputs, float* saved) {
  const int64_t u = c.units, p = c.padded, d = c.dim, f = c.features;
  std::vector<float> x(kBlock * d), t(kBlock * f), z(kBlock * 6 * p),
      moved(kBlock * 2 * p), h(kBlock * p), cells(kBlock * p);
  const float *events = c.events.flat<float>().data(),
              *times = c.times.flat<float>().data();
  for (int64_t s = 0, n; (n = block.active(s)) > 0; ++s) {
    Copies(block, n, s, events, d, x.data(), d);
    Copies(block, n, s, times, f, t.data(), f);
    SetRows(c.time_bias.data, n, moved.data());
    Multiply<true>({n, 2 * p, f, t.data(), f, 1, c.time_kernel.data.data(), 2 * p,
                    moved.data(), 2 * p});
    for (int64_t k = 0; k < n * 2 * p; k += kLanes) {
      Store(&moved[k], Tanh(Load(&moved[k])));
    }
    SetRows(c.bias.data, n, z.data());
    Multiply<true>({n, 6 * p, d, x.data(), d, 1, c.kernel.data.data(), 6 * p, z.data(),
                    6 * p});
    Multiply<true>({n, 2 * p, u, moved.data(), 2 * p, 1, c.ages.data.data(), 2 * p,
                    z.data() + 4 * p, 6 * p});
    Multiply<true>({n, 2 * p, u, moved.data() + p, 2 * p, 1, c.intervals.data.data(),
                    2 * p, z.data() + 3 * p, 6 * p});
    const float* recurrent = c.recurrent.data.data();
    Multiply<true>({n, 3 * p, u, h.data(), p, 1, recurrent, 4 * p, z.data(), 6 * p});
    Multiply<true>({n, p, u, h.data(), p, 1, recurrent + 3 * p, 4 * p,
                    z.data() + 4 * p, 6 * p});
    for (int64_t r = 0; r < n; ++r) {
      const float* gates = &z[r * 6 * p];
      float* keep = saved + block.kept(r, s) * kSaved * p;
      for (int64_t k = 0; k < u; k += kLanes) {
        const Lanes i = Sigmoid(Load(gates + k)), forget = Sigmoid(Load(gates + p + k));
        const Lanes g = Tanh(Load(gates + 2 * p + k));
        const Lanes kept = Sigmoid(Load(gates + 3 * p + k));
        const Lanes o = Sigmoid(Load(gates + 4 * p + k));
        const Lanes added = Sigmoid(Load(gates + 5 * p + k));
        const Lanes cell = kept * forget * Load(&cells[r * p + k]) + added * i * g;
        const Lanes state = o * Tanh(cell);
        const Lanes values[] = {i, forget, g, kept, o, added, cell};
        for (int v = 0; v < 7; ++v) Store(keep + v * p + k, values[v]);
        Store(keep + 7 * p + k, Load(&moved[2 * r * p + k]));
        Store(keep + 8 * p + k, Load(&moved[(2 * r + 1) * p + k]));
        Store(&cells[r * p + k], cell);
        Store(&h[r * p + k], state);
        StoreSome(outputs + block.at(r, s) * u + k, state,
                  std::min<int64_t>(kLanes, u - k));
      }
    }
  }
}

// Gradients of the weights from some of the histories, side by side.
struct Share {
  float *kernel, *bias, *recurrent, *ages, *intervals, *time_kernel, *time_bias;

  Share(const Cell& c, float* at) {
    float** parts[] = {&kernel,    &bias,        &recurrent, &ages,
                       &intervals, &time_kernel, &time_bias};
    const Blocks* shapes[] = {&c.kernel,    &c.bias,        &c.recurrent, &c.ages,
                              &c.intervals, &c.time_kernel, &c.time_bias};
    for (int k = 0; k < 7; ++k) {
      *parts[k] = at;
      at += shapes[k]->size();
    }
  }
  static int64_t size(const Cell& c) {
    return c.kernel.size() + c.bias.size() + c.recurrent.size() + c.ages.size() +
           c.intervals.size() + c.time_kernel.size() + c.time_bias.size();
  }
};

inline void AddRows(const float* rows, int64_t n, int64_t width, float* to) {
  for (int64_t k = 0; k < width; k += kLanes) {
    Lanes sum = Load(to + k);
    for (int64_t r = 0; r < n; ++r) sum += Load(rows + r * width + k);
    Store(to + k, sum);
  }
}

struct Upstream {
  const float *states, *saved, *upstream;
  float *on_events, *on_times;
};

void Backward(const Cell& c, const Block16& block, const Upstream& up,
              const Share& share) {
  const int64_t u = c.units, p = c.padded, d = c.dim, f = c.features;
  const int64_t wide = c.kernel.turned_width, narrow = c.time_kernel.turned_width;
  std::vector<float> x(kBlock * d), t(kBlock * f), dz(kBlock * 6 * p),
      moved(kBlock * 2 * p), on_moved(kBlock * 2 * p), dh(kBlock * p), dc(kBlock * p),
      before(kBlock * p), on_x(kBlock * wide), on_t(kBlock * narrow);
  const float *events = c.events.flat<float>().data(),
              *times = c.times.flat<float>().data();
  for (int64_t s = block.longest() - 1; s >= 0; --s) {
    const int64_t n = block.active(s);
    Copies(block, n, s, events, d, x.data(), d);
    Copies(block, n, s, times, f, t.data(), f);
    for (int64_t r = 0; r < n; ++r) {
      const float* keep = up.saved + block.kept(r, s) * kSaved * p;
      const float* earlier = keep - kSaved * p;
      const float* upstream = up.upstream + block.at(r, s) * u;
      float* gates = &dz[r * 6 * p];
      std::copy(keep + 7 * p, keep + 9 * p, &moved[2 * r * p]);
      for (int64_t k = 0; k < u; k += kLanes) {
        const Lanes i = Load(keep + k), forget = Load(keep + p + k);
        const Lanes g = Load(keep + 2 * p + k), kept = Load(keep + 3 * p + k);
        const Lanes o = Load(keep + 4 * p + k), added = Load(keep + 5 * p + k);
        const Lanes tanh = Tanh(Load(keep + 6 * p + k));
        const Lanes cell = s ? Load(earlier + 6 * p + k) : Zero();
        const Lanes on_state =
            Load(&dh[r * p + k]) +
            LoadSome<Lanes>(upstream + k, std::min<int64_t>(kLanes, u - k));
        const Lanes on_cell =
            Load(&dc[r * p + k]) + on_state * o * (1.0f - tanh * tanh);
        const Lanes held = on_cell * cell, in = on_cell * added;
        Store(gates + k, in * g * i * (1.0f - i));
        Store(gates + p + k, held * kept * forget * (1.0f - forget));
        Store(gates + 2 * p + k, in * i * (1.0f - g * g));
        Store(gates + 3 * p + k, held * forget * kept * (1.0f - kept));
        Store(gates + 4 * p + k, on_state * tanh * o * (1.0f - o));
        Store(gates + 5 * p + k, in * i * g * (1.0f - added));
        Store(&dc[r * p + k], on_cell * kept * forget);
      }
      if (s) CopyRow(up.states + block.at(r, s - 1) * u, &before[r * p], u);
    }
    Multiply<false>({n, p, 2 * p, dz.data() + 4 * p, 6 * p, 1, c.ages.turned.data(), p,
                     on_moved.data(), 2 * p});
    Multiply<false>({n, p, 2 * p, dz.data() + 3 * p, 6 * p, 1,
                     c.intervals.turned.data(), p, on_moved.data() + p, 2 * p});
    for (int64_t k = 0; k < n * 2 * p; k += kLanes) {
      const Lanes value = Load(&moved[k]);
      Store(&on_moved[k], Load(&on_moved[k]) * (1.0f - value * value));
    }
    Multiply<false>({n, wide, 6 * p, dz.data(), 6 * p, 1, c.kernel.turned.data(), wide,
                     on_x.data(), wide});
    Multiply<false>({n, narrow, 2 * p, on_moved.data(), 2 * p, 1,
                     c.time_kernel.turned.data(), narrow, on_t.data(), narrow});
    for (int64_t r = 0; r < n; ++r) {
      CopyRow(&on_x[r * wide], up.on_events + block.at(r, s) * d, d);
      CopyRow(&on_t[r * narrow], up.on_times + block.at(r, s) * f, f);
    }
    const float* turned = c.recurrent.turned.data();
    Multiply<false>({n, p, 3 * p, dz.data(), 6 * p, 1, turned, p, dh.data(), p});
    Multiply<true>({n, p, p, dz.data() + 4 * p, 6 * p, 1, turned + 3 * p * p, p,
                    dh.data(), p});
    AddRows(dz.data(), n, 6 * p, share.bias);
    AddRows(on_moved.data(), n, 2 * p, share.time_bias);
    Multiply<true>({d, 6 * p, n, x.data(), 1, d, dz.data(), 6 * p, share.kernel,
                    6 * p});
    Multiply<true>({f, 2 * p, n, t.data(), 1, f, on_moved.data(), 2 * p,
                    share.time_kernel, 2 * p});
    Multiply<true>({u, 2 * p, n, moved.data(), 1, 2 * p, dz.data() + 4 * p, 6 * p,
                    share.ages, 2 * p});
    Multiply<true>({u, 2 * p, n, moved.data() + p, 1, 2 * p, dz.data() + 3 * p, 6 * p,
                    share.intervals, 2 * p});
    if (s) {
      Multiply<true>({u, 3 * p, n, before.data(), 1, p, dz.data(), 6 * p,
                      share.recurrent, 4 * p});
      Multiply<true>({u, p, n, before.data(), 1, p, dz.data() + 4 * p, 6 * p,
                      share.recurrent + 3 * p, 4 * p});
    }
  }
}

class TimeAwareLSTM : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    OP_REQUIRES_OK(context, Cell::Check(context));
    const Cell c(context);
    const bool* mask = c.mask.flat<bool>().data();
    const Histories all(mask, c.batch, c.length);
    Tensor *outputs, *saved;
    OP_REQUIRES_OK(context,
                   context->allocate_output(
                       0, TensorShape({c.batch, c.length, c.units}), &outputs));
    OP_REQUIRES_OK(context, context->allocate_output(
                                1, TensorShape({c.batch, c.length, kSaved * c.padded}),
                                &saved));
    ClearPadding(all, mask, outputs->flat<float>().data(), c.units);
    OnAllCores(context, all.blocks(), c.cost(), [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        Forward(c, Block16(all, all.block(k)), outputs->flat<float>().data(),
                saved->flat<float>().data());
      }
    });
  }
};

class TimeAwareLSTMGradient : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    OP_REQUIRES_OK(context, Cell::Check(context));
    const Cell c(context);
    const bool* mask = c.mask.flat<bool>().data();
    const Histories all(mask, c.batch, c.length);
    const TensorShape states({c.batch, c.length, c.units});
    OP_REQUIRES(context,
                context->input(10).shape() == states &&
                    context->input(12).shape() == states &&
                    context->input(11).shape() ==
                        TensorShape({c.batch, c.length, kSaved * c.padded}),
                absl::InvalidArgumentError("gradients of the LSTM do not fit"));
    float* to[9];
    for (int k = 0; k < 9; ++k) {
      Tensor* output;
      const int input = k < 2 ? k : k + 1;  // the mask has no gradient
      OP_REQUIRES_OK(context, context->allocate_output(
                                  k, context->input(input).shape(), &output));
      to[k] = output->flat<float>().data();
    }
    ClearPadding(all, mask, to[0], c.dim);
    ClearPadding(all, mask, to[1], c.features);
    const Upstream up{context->input(10).flat<float>().data(),
                      context->input(11).flat<float>().data(),
                      context->input(12).flat<float>().data(), to[0], to[1]};
    const int64_t size = Share::size(c), shards = all.shards();
    std::vector<float> shares(std::max<int64_t>(shards, 1) * size);
    OnAllCores(context, shards, 2 * c.cost() * (all.blocks() / (shards + 1) + 1),
               [&](int64_t begin, int64_t end) {
      for (int64_t shard = begin; shard < end; ++shard) {
        const Share share(c, &shares[shard * size]);
        const int64_t stop = (shard + 1) * all.blocks() / shards;
        for (int64_t k = shard * all.blocks() / shards; k < stop; ++k) {
          Backward(c, Block16(all, all.block(k)), up, share);
        }
      }
    });
    const Share first(c, shares.data());
    c.kernel.Sum(first.kernel, shards, size, to[2]);
    c.bias.Sum(first.bias, shards, size, to[3]);
    c.recurrent.Sum(first.recurrent, shards, size, to[4]);
    c.ages.Sum(first.ages, shards, size, to[5]);
    c.intervals.Sum(first.intervals, shards, size, to[6]);
    c.time_kernel.Sum(first.time_kernel, shards, size, to[7]);
    c.time_bias.Sum(first.time_bias, shards, size, to[8]);
  }
};

#define TFCTR_TIME_AWARE_INPUTS   \
  Input("events: float")          \
      .Input("times: float")      \
      .Input("mask: bool")        \
      .Input("kernel: float")     \
      .Input("bias: float")       \
      .Input("recurrent: float")  \
      .Input("ages: float")       \
      .Input("intervals: float")  \
      .Input("time_kernel: float") \
      .Input("time_bias: float")

REGISTER_OP("TfctrTimeAwareLSTM")
    .TFCTR_TIME_AWARE_INPUTS.Output("states: float")
    .Output("saved: float")
    .SetShapeFn([](InferenceContext* c) {
      ShapeHandle events, recurrent, states;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 3, &events));
      TF_RETURN_IF_ERROR(c->WithRank(c->input(5), 2, &recurrent));
      TF_RETURN_IF_ERROR(c->ReplaceDim(events, 2, c->Dim(recurrent, 0), &states));
      c->set_output(0, states);
      c->set_output(1, c->UnknownShapeOfRank(3));
      return absl::OkStatus();
    });

REGISTER_OP("TfctrTimeAwareLSTMGradient")
    .TFCTR_TIME_AWARE_INPUTS.Input("states: float")
    .Input("saved: float")
    .Input("upstream: float")
    .Output("on_events: float")
    .Output("on_times: float")
    .Output("on_kernel: float")
    .Output("on_bias: float")
    .Output("on_recurrent: float")
    .Output("on_ages: float")
    .Output("on_intervals: float")
    .Output("on_time_kernel: float")
    .Output("on_time_bias: float")
    .SetShapeFn([](InferenceContext* c) {
      for (int k = 0; k < 9; ++k) c->set_output(k, c->input(k < 2 ? k : k + 1));
      return absl::OkStatus();
    });

REGISTER_KERNEL_BUILDER(Name("TfctrTimeAwareLSTM").Device(tensorflow::DEVICE_CPU),
                        TimeAwareLSTM);
REGISTER_KERNEL_BUILDER(
    Name("TfctrTimeAwareLSTMGradient").Device(tensorflow::DEVICE_CPU),
    TimeAwareLSTMGradient);

}  // namespace
}  // namespace tfctr
