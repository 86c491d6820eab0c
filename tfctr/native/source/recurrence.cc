// Recurrent layers over the real events of padded histories.
//
// Histories of like length make up a block; a block runs through all its events with
// states and weights in the cache, and what padding there is, is never looked at. The
// gradient of the weights is added up block by block, in an order that does not depend
// on threads.

#include <string>

#include "recurrence.h"

namespace tfctr {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

// Columns of a kernel in blocks that are padded to whole lanes; and turned over.
struct Weights {
  int64_t units, gates, padded;
  std::vector<float> by_unit;   // (units, gates * padded)
  std::vector<float> by_gate;   // (gates * padded, padded)

  Weights(const float* kernel, int64_t units, int64_t gates)
      : units(units),
        gates(gates),
        padded(Padded(units)),
        by_unit(units * gates * padded),
        by_gate(gates * padded * padded) {
    for (int64_t u = 0; u < units; ++u) {
      for (int64_t g = 0; g < gates; ++g) {
        for (int64_t k = 0; k < units; ++k) {
          const float value = kernel[(u * gates + g) * units + k];
          by_unit[(u * gates + g) * padded + k] = value;
          by_gate[(g * padded + k) * padded + u] = value;
        }
      }
    }
  }
};

// Inputs and outputs of both passes.
struct Run {
  const float *projected, *extra;  // `extra`: logits of time gates, or weights
  const float* shift;              // of the output gate, or none
  float* outputs;                  // forward
  float* saved;
  const float* upstream;  // backward
  const float* states;    // what `outputs` was
  float *on_projected, *on_extra, *on_shift;
};

// LSTM: `c = kept f c + added i g`, `h = o tanh(c)`; or with two gates of what comes in,
// now for what is shown and later for what is remembered.
enum class Time { kNone, kAddedKept, kKeptAdded, kNowLater };

struct LSTM {
  static constexpr int64_t kGates = 4, kSaved = 5;
  Time time;
  int64_t show;  // place of the output gate in `projected`, 2 or 3

  static bool has_shift(OpKernelContext* context) {
    return context->input(4).NumElements() > 0;
  }
  int64_t extra_width(int64_t units) const {
    return time == Time::kNone ? 0 : 2 * units;
  }

  struct Opened {
    Lanes kept, now, later;
  };
  Opened Open(const float* extra, int64_t units, int64_t k, int count) const {
    const Lanes one = Zero() + 1.0f;
    if (time == Time::kNone) return {one, one, one};
    const Lanes first = Sigmoid(LoadSome<Lanes>(extra + k, count));
    const Lanes second = Sigmoid(LoadSome<Lanes>(extra + units + k, count));
    if (time == Time::kAddedKept) return {second, first, first};
    if (time == Time::kKeptAdded) return {first, second, second};
    return {one, first, second};
  }

  void Forward(const Weights& w, const Block16& block, const Run& run) const {
    const int64_t u = w.units, p = w.padded;
    std::vector<float> z(kBlock * 4 * p), h(kBlock * p), c(kBlock * p);
    const int64_t fresh = show == 2 ? 3 : 2;
    for (int64_t s = 0, n; (n = block.active(s)) > 0; ++s) {
      for (int64_t r = 0; r < n; ++r) {
        const float* from = run.projected + block.at(r, s) * 4 * u;
        for (int g = 0; g < 4; ++g) CopyRow(from + g * u, &z[(r * 4 + g) * p], u);
        if (run.shift) {
          const float* more = run.shift + block.at(r, s) * u;
          float* to = &z[(r * 4 + show) * p];
          for (int64_t k = 0; k < u; ++k) to[k] += more[k];
        }
      }
      Multiply<true>({n, 4 * p, u, h.data(), p, 1, w.by_unit.data(), 4 * p, z.data(),
                      4 * p});
      for (int64_t r = 0; r < n; ++r) {
        const int64_t at = block.at(r, s);
        const float* gates = &z[r * 4 * p];
        float* saved = run.saved + block.kept(r, s) * kSaved * p;
        for (int64_t k = 0; k < u; k += kLanes) {
          const int count = std::min<int64_t>(kLanes, u - k);
          const Opened t = Open(run.extra + at * 2 * u, u, k, count);
          const Lanes i = Sigmoid(Load(gates + k)), f = Sigmoid(Load(gates + p + k));
          const Lanes o = Sigmoid(Load(gates + show * p + k));
          const Lanes g = Tanh(Load(gates + fresh * p + k));
          const Lanes kept = t.kept * f * Load(&c[r * p + k]), in = i * g;
          const Lanes after = kept + t.later * in;
          const Lanes state =
              o * Tanh(time == Time::kNowLater ? kept + t.now * in : after);
          Store(saved + k, i);
          Store(saved + p + k, f);
          Store(saved + 2 * p + k, o);
          Store(saved + 3 * p + k, g);
          Store(saved + 4 * p + k, after);
          Store(&c[r * p + k], after);
          Store(&h[r * p + k], state);
          StoreSome(run.outputs + at * u + k, state, count);
        }
      }
    }
  }

  void Backward(const Weights& w, const Block16& block, const Run& run,
                float* on_kernel) const {
    const int64_t u = w.units, p = w.padded;
    std::vector<float> dz(kBlock * 4 * p), dh(kBlock * p), dc(kBlock * p),
        before(kBlock * p);
    const int64_t fresh = show == 2 ? 3 : 2;
    for (int64_t s = block.longest() - 1; s >= 0; --s) {
      const int64_t n = block.active(s);
      for (int64_t r = 0; r < n; ++r) {
        const int64_t at = block.at(r, s);
        const float* saved = run.saved + block.kept(r, s) * kSaved * p;
        const float* earlier = saved - kSaved * p;
        float* on_gates = &dz[r * 4 * p];
        for (int64_t k = 0; k < u; k += kLanes) {
          const int count = std::min<int64_t>(kLanes, u - k);
          const Opened t = Open(run.extra + at * 2 * u, u, k, count);
          const Lanes i = Load(saved + k), f = Load(saved + p + k);
          const Lanes o = Load(saved + 2 * p + k), g = Load(saved + 3 * p + k);
          const Lanes c = s ? Load(earlier + 4 * p + k) : Zero();
          const Lanes held = f * c, in = i * g;
          const bool two = time == Time::kNowLater;
          const Lanes tanh =
              Tanh(two ? held + t.now * in : Load(saved + 4 * p + k));
          const Lanes up =
              Load(&dh[r * p + k]) + LoadSome<Lanes>(run.upstream + at * u + k, count);
          Lanes on_cell = Load(&dc[r * p + k]);
          const Lanes on_shown = up * o * (1.0f - tanh * tanh);
          Lanes on_held, on_in;
          if (two) {
            on_held = on_cell + on_shown;
            on_in = on_cell * t.later + on_shown * t.now;
            Gates(run, at, u, k, count, on_shown * in * t.now * (1.0f - t.now),
                  on_cell * in * t.later * (1.0f - t.later));
          } else {
            on_cell += on_shown;
            on_held = on_cell * t.kept;
            on_in = on_cell * t.now;
            const Lanes added = on_cell * in * t.now * (1.0f - t.now);
            const Lanes kept = on_cell * held * t.kept * (1.0f - t.kept);
            if (time == Time::kAddedKept) Gates(run, at, u, k, count, added, kept);
            if (time == Time::kKeptAdded) Gates(run, at, u, k, count, kept, added);
          }
          Store(on_gates + k, on_in * g * i * (1.0f - i));
          Store(on_gates + p + k, on_held * c * f * (1.0f - f));
          Store(on_gates + show * p + k, up * tanh * o * (1.0f - o));
          Store(on_gates + fresh * p + k, on_in * i * (1.0f - g * g));
          Store(&dc[r * p + k], on_held * f);
        }
        float* to = run.on_projected + at * 4 * u;
        for (int g = 0; g < 4; ++g) CopyRow(on_gates + g * p, to + g * u, u);
        if (run.on_shift) CopyRow(on_gates + show * p, run.on_shift + at * u, u);
        const float* state = s ? run.states + block.at(r, s - 1) * u : nullptr;
        if (state) CopyRow(state, &before[r * p], u);
      }
      Multiply<false>({n, p, 4 * p, dz.data(), 4 * p, 1, w.by_gate.data(), p, dh.data(),
                       p});
      if (s) {
        Multiply<true>({u, 4 * p, n, before.data(), 1, p, dz.data(), 4 * p, on_kernel,
                        4 * p});
      }
    }
  }

  static void Gates(const Run& run, int64_t at, int64_t u, int64_t k, int count,
                    Lanes first, Lanes second) {
    StoreSome(run.on_extra + at * 2 * u + k, first, count);
    StoreSome(run.on_extra + at * 2 * u + u + k, second, count);
  }
};

// GRU: `z, r` and `g = tanh(... + (r h) U_g)`; `h += a (1 - z) (g - h)`, where `a` is the
// weight of the event, if there are weights.
struct GRU {
  static constexpr int64_t kGates = 3, kSaved = 3;
  bool weighted;

  static bool has_shift(OpKernelContext*) { return false; }
  int64_t extra_width(int64_t) const { return weighted ? 1 : 0; }

  void Forward(const Weights& w, const Block16& block, const Run& run) const {
    const int64_t u = w.units, p = w.padded;
    std::vector<float> z(kBlock * 3 * p), h(kBlock * p), reset(kBlock * p);
    for (int64_t s = 0, n; (n = block.active(s)) > 0; ++s) {
      for (int64_t r = 0; r < n; ++r) {
        const float* from = run.projected + block.at(r, s) * 3 * u;
        for (int g = 0; g < 3; ++g) CopyRow(from + g * u, &z[(r * 3 + g) * p], u);
      }
      Multiply<true>({n, 2 * p, u, h.data(), p, 1, w.by_unit.data(), 3 * p, z.data(),
                      3 * p});
      for (int64_t r = 0; r < n; ++r) {
        float* gates = &z[r * 3 * p];
        for (int64_t k = 0; k < u; k += kLanes) {
          const Lanes open = Sigmoid(Load(gates + p + k));
          Store(gates + k, Sigmoid(Load(gates + k)));
          Store(gates + p + k, open);
          Store(&reset[r * p + k], open * Load(&h[r * p + k]));
        }
      }
      Multiply<true>({n, p, u, reset.data(), p, 1, w.by_unit.data() + 2 * p, 3 * p,
                      z.data() + 2 * p, 3 * p});
      for (int64_t r = 0; r < n; ++r) {
        const int64_t at = block.at(r, s);
        const float* gates = &z[r * 3 * p];
        const float weight = weighted ? run.extra[at] : 1.0f;
        float* saved = run.saved + block.kept(r, s) * kSaved * p;
        for (int64_t k = 0; k < u; k += kLanes) {
          const Lanes keep = Load(gates + k), g = Tanh(Load(gates + 2 * p + k));
          Lanes state = Load(&h[r * p + k]);
          state += weight * (1.0f - keep) * (g - state);
          Store(saved + k, keep);
          Store(saved + p + k, Load(gates + p + k));
          Store(saved + 2 * p + k, g);
          Store(&h[r * p + k], state);
          const int count = std::min<int64_t>(kLanes, u - k);
          StoreSome(run.outputs + at * u + k, state, count);
        }
      }
    }
  }

  void Backward(const Weights& w, const Block16& block, const Run& run,
                float* on_kernel) const {
    const int64_t u = w.units, p = w.padded;
    std::vector<float> dz(kBlock * 3 * p), dh(kBlock * p), on_reset(kBlock * p),
        before(kBlock * p), reset(kBlock * p);
    for (int64_t s = block.longest() - 1; s >= 0; --s) {
      const int64_t n = block.active(s);
      for (int64_t r = 0; r < n; ++r) {
        const int64_t at = block.at(r, s);
        const float* saved = run.saved + block.kept(r, s) * kSaved * p;
        const float weight = weighted ? run.extra[at] : 1.0f;
        float* gates = &dz[r * 3 * p];
        if (s) {
          CopyRow(run.states + block.at(r, s - 1) * u, &before[r * p], u);
        } else {
          std::fill(&before[r * p], &before[r * p] + p, 0.0f);
        }
        Lanes on_weight = Zero();
        for (int64_t k = 0; k < u; k += kLanes) {
          const int count = std::min<int64_t>(kLanes, u - k);
          const Lanes keep = Load(saved + k), g = Load(saved + 2 * p + k);
          const Lanes h = Load(&before[r * p + k]);
          const Lanes up =
              Load(&dh[r * p + k]) + LoadSome<Lanes>(run.upstream + at * u + k, count);
          const Lanes update = weight * (1.0f - keep), on_update = up * (g - h);
          on_weight += on_update * (1.0f - keep);
          Store(gates + k, -weight * on_update * keep * (1.0f - keep));
          Store(gates + 2 * p + k, up * update * (1.0f - g * g));
          Store(&reset[r * p + k], Load(saved + p + k) * h);
          Store(&dh[r * p + k], up * (1.0f - update));
        }
        if (weighted) run.on_extra[at] = tfctr::Sum(on_weight);
      }
      Multiply<false>({n, p, p, dz.data() + 2 * p, 3 * p, 1,
                       w.by_gate.data() + 2 * p * p, p, on_reset.data(), p});
      for (int64_t r = 0; r < n; ++r) {
        const float* saved = run.saved + block.kept(r, s) * kSaved * p;
        float* gates = &dz[r * 3 * p];
        for (int64_t k = 0; k < u; k += kLanes) {
          const Lanes open = Load(saved + p + k), on = Load(&on_reset[r * p + k]);
          Store(gates + p + k, on * Load(&before[r * p + k]) * open * (1.0f - open));
          Store(&dh[r * p + k], Load(&dh[r * p + k]) + on * open);
        }
        float* to = run.on_projected + block.at(r, s) * 3 * u;
        for (int g = 0; g < 3; ++g) CopyRow(gates + g * p, to + g * u, u);
      }
      Multiply<true>({n, p, 2 * p, dz.data(), 3 * p, 1, w.by_gate.data(), p, dh.data(),
                      p});
      if (s) {
        Multiply<true>({u, 2 * p, n, before.data(), 1, p, dz.data(), 3 * p, on_kernel,
                        3 * p});
        Multiply<true>({u, p, n, reset.data(), 1, p, dz.data() + 2 * p, 3 * p,
                        on_kernel + 2 * p, 3 * p});
      }
    }
  }
};

// Which cell, of the attributes of an operation.
Status CellOf(OpKernelConstruction* construction, LSTM* cell) {
  std::string name;
  TF_RETURN_IF_ERROR(construction->GetAttr("time", &name));
  TF_RETURN_IF_ERROR(construction->GetAttr("show", &cell->show));
  cell->time = name == "added, kept"   ? Time::kAddedKept
               : name == "kept, added" ? Time::kKeptAdded
               : name == "now, later"  ? Time::kNowLater
                                       : Time::kNone;
  return absl::OkStatus();
}
Status CellOf(OpKernelConstruction* construction, GRU* cell) {
  return construction->GetAttr("weighted", &cell->weighted);
}

// Sizes of the inputs, checked.
template <typename Cell>
Status Check(OpKernelContext* context, const Cell& cell, int64_t* batch, int64_t* time,
             int64_t* units) {
  const Tensor &projected = context->input(0), &mask = context->input(1),
               &kernel = context->input(2), &extra = context->input(3);
  if (kernel.dims() != 2 || projected.dims() != 3 || mask.dims() != 2 ||
      kernel.dim_size(1) != Cell::kGates * kernel.dim_size(0)) {
    return absl::InvalidArgumentError("inputs of the recurrence do not fit");
  }
  *units = kernel.dim_size(0);
  *batch = mask.dim_size(0);
  *time = mask.dim_size(1);
  const int64_t width = cell.extra_width(*units);
  if (projected.shape() != TensorShape({*batch, *time, Cell::kGates * *units}) ||
      (width && extra.shape() != TensorShape({*batch, *time, width})) ||
      (cell.has_shift(context) &&
       context->input(4).shape() != TensorShape({*batch, *time, *units}))) {
    return absl::InvalidArgumentError("inputs of the recurrence do not fit");
  }
  return absl::OkStatus();
}

template <typename Cell>
class Recurrence : public OpKernel {
 public:
  explicit Recurrence(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, CellOf(construction, &cell_));
  }

  void Compute(OpKernelContext* context) override {
    int64_t batch, time, units;
    OP_REQUIRES_OK(context, Check(context, cell_, &batch, &time, &units));
    const bool* mask = context->input(1).flat<bool>().data();
    const Weights w(context->input(2).flat<float>().data(), units, Cell::kGates);
    const Histories all(mask, batch, time);
    Tensor *outputs, *saved;
    OP_REQUIRES_OK(context, context->allocate_output(
                                0, TensorShape({batch, time, units}), &outputs));
    OP_REQUIRES_OK(context, context->allocate_output(
                                1, TensorShape({batch, time, Cell::kSaved * w.padded}),
                                &saved));
    Run run{};
    run.projected = context->input(0).flat<float>().data();
    run.extra = context->input(3).flat<float>().data();
    if (cell_.has_shift(context)) run.shift = context->input(4).flat<float>().data();
    run.outputs = outputs->flat<float>().data();
    run.saved = saved->flat<float>().data();
    ClearPadding(all, mask, run.outputs, units);
    const int64_t cost = kBlock * time * units * (units + 20) / 4;
    OnAllCores(context, all.blocks(), cost, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        cell_.Forward(w, Block16(all, all.block(k)), run);
      }
    });
  }

 private:
  Cell cell_;
};

template <typename Cell>
class RecurrenceGradient : public OpKernel {
 public:
  explicit RecurrenceGradient(OpKernelConstruction* construction)
      : OpKernel(construction) {
    OP_REQUIRES_OK(construction, CellOf(construction, &cell_));
  }

  void Compute(OpKernelContext* context) override {
    int64_t batch, time, units;
    OP_REQUIRES_OK(context, Check(context, cell_, &batch, &time, &units));
    const bool* mask = context->input(1).flat<bool>().data();
    const Weights w(context->input(2).flat<float>().data(), units, Cell::kGates);
    const Histories all(mask, batch, time);
    const TensorShape states({batch, time, units});
    OP_REQUIRES(context,
                context->input(5).shape() == states &&
                    context->input(7).shape() == states &&
                    context->input(6).shape() ==
                        TensorShape({batch, time, Cell::kSaved * w.padded}),
                absl::InvalidArgumentError("gradients of the recurrence do not fit"));
    Tensor *on_projected, *on_kernel, *on_extra, *on_shift;
    OP_REQUIRES_OK(context, context->allocate_output(0, context->input(0).shape(),
                                                     &on_projected));
    OP_REQUIRES_OK(
        context, context->allocate_output(1, context->input(2).shape(), &on_kernel));
    OP_REQUIRES_OK(
        context, context->allocate_output(2, context->input(3).shape(), &on_extra));
    OP_REQUIRES_OK(
        context, context->allocate_output(3, context->input(4).shape(), &on_shift));
    Run run{};
    run.projected = context->input(0).flat<float>().data();
    run.extra = context->input(3).flat<float>().data();
    run.states = context->input(5).flat<float>().data();
    run.saved = const_cast<float*>(context->input(6).flat<float>().data());
    run.upstream = context->input(7).flat<float>().data();
    run.on_projected = on_projected->flat<float>().data();
    run.on_extra = on_extra->flat<float>().data();
    ClearPadding(all, mask, run.on_projected, Cell::kGates * units);
    ClearPadding(all, mask, run.on_extra, cell_.extra_width(units));
    if (cell_.has_shift(context)) {
      run.on_shift = on_shift->flat<float>().data();
      ClearPadding(all, mask, run.on_shift, units);
    }
    const int64_t size = units * Cell::kGates * w.padded, shards = all.shards();
    std::vector<float> shares(shards * size);
    const int64_t cost = kBlock * time * units * (units + 20) / 2;
    OnAllCores(context, shards, cost * (all.blocks() / (shards + 1) + 1),
               [&](int64_t begin, int64_t end) {
      for (int64_t shard = begin; shard < end; ++shard) {
        const int64_t stop = (shard + 1) * all.blocks() / shards;
        for (int64_t k = shard * all.blocks() / shards; k < stop; ++k) {
          cell_.Backward(w, Block16(all, all.block(k)), run, &shares[shard * size]);
        }
      }
    });
    Sum(shares, w, shards, on_kernel->flat<float>().data());
  }

 private:
  // Adds the shares in their order, so that results do not depend on threads.
  static void Sum(const std::vector<float>& shares, const Weights& w, int64_t shards,
                  float* kernel) {
    const int64_t columns = Cell::kGates * w.padded;
    for (int64_t u = 0; u < w.units; ++u) {
      for (int64_t g = 0; g < Cell::kGates; ++g) {
        for (int64_t k = 0; k < w.units; ++k) {
          float sum = 0;
          for (int64_t s = 0; s < shards; ++s) {
            sum += shares[(s * w.units + u) * columns + g * w.padded + k];
          }
          kernel[(u * Cell::kGates + g) * w.units + k] = sum;
        }
      }
    }
  }

  Cell cell_;
};

template <int64_t kGates>
Status Shapes(InferenceContext* c) {
  ShapeHandle projected, kernel, states;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 3, &projected));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 2, &kernel));
  TF_RETURN_IF_ERROR(c->ReplaceDim(projected, 2, c->Dim(kernel, 0), &states));
  c->set_output(0, states);
  c->set_output(1, c->UnknownShapeOfRank(3));
  return absl::OkStatus();
}

Status GradientShapes(InferenceContext* c) {
  c->set_output(0, c->input(0));
  c->set_output(1, c->input(2));
  c->set_output(2, c->input(3));
  c->set_output(3, c->input(4));
  return absl::OkStatus();
}

#define TFCTR_RECURRENCE_INPUTS \
  Input("projected: float")    \
      .Input("mask: bool")     \
      .Input("kernel: float")  \
      .Input("extra: float")   \
      .Input("shift: float")
#define TFCTR_RECURRENCE_GRADIENTS                               \
  Input("states: float").Input("saved: float").Input("upstream: float") \
      .Output("on_projected: float")                             \
      .Output("on_kernel: float")                                \
      .Output("on_extra: float")                                 \
      .Output("on_shift: float")

REGISTER_OP("TfctrLSTM")
    .TFCTR_RECURRENCE_INPUTS.Attr("time: string")
    .Attr("show: int")
    .Output("states: float")
    .Output("saved: float")
    .SetShapeFn(Shapes<4>);
REGISTER_OP("TfctrLSTMGradient")
    .TFCTR_RECURRENCE_INPUTS.TFCTR_RECURRENCE_GRADIENTS.Attr("time: string")
    .Attr("show: int")
    .SetShapeFn(GradientShapes);
REGISTER_OP("TfctrGRU")
    .TFCTR_RECURRENCE_INPUTS.Attr("weighted: bool")
    .Output("states: float")
    .Output("saved: float")
    .SetShapeFn(Shapes<3>);
REGISTER_OP("TfctrGRUGradient")
    .TFCTR_RECURRENCE_INPUTS.TFCTR_RECURRENCE_GRADIENTS.Attr("weighted: bool")
    .SetShapeFn(GradientShapes);

REGISTER_KERNEL_BUILDER(Name("TfctrLSTM").Device(tensorflow::DEVICE_CPU),
                        Recurrence<LSTM>);
REGISTER_KERNEL_BUILDER(Name("TfctrLSTMGradient").Device(tensorflow::DEVICE_CPU),
                        RecurrenceGradient<LSTM>);
REGISTER_KERNEL_BUILDER(Name("TfctrGRU").Device(tensorflow::DEVICE_CPU),
                        Recurrence<GRU>);
REGISTER_KERNEL_BUILDER(Name("TfctrGRUGradient").Device(tensorflow::DEVICE_CPU),
                        RecurrenceGradient<GRU>);

}  // namespace
}  // namespace tfctr
