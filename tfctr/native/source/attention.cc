// Target attention of one candidate a history, over the real events of all histories.
//
// The scoring network runs history by history, in the cache, and is run again for the
// gradient: nothing of size events x units goes through memory. Its first layer,
// `c W_c + e W_e + (c * e) W_p + b`, is for one candidate `base + e (W_e + diag(c) W_p)`,
// a third of the arithmetic.

#include <algorithm>
#include <cmath>

#include "shared.h"

namespace tfctr {
namespace {

using tensorflow::OpInputList;
using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpOutputList;
using tensorflow::shape_inference::InferenceContext;

constexpr int64_t kShards = 32;  // of histories, whatever the number of threads

#define TFCTR_ATTENTION_INPUTS                                              \
  Input("candidates: float")                                                \
      .Input("base: float")                                                 \
      .Input("events: float")                                               \
      .Input("starts: int64")                                               \
      .Input("event_kernel: float")                                         \
      .Input("product_kernel: float")                                       \
      .Input("kernels: num_layers * float")                                 \
      .Input("biases: num_layers * float")                                  \
      .Input("score_kernel: float")                                         \
      .Input("score_bias: float")                                           \
      .Attr("num_layers: int >= 0")                                         \
      .Attr("softmax: bool")

REGISTER_OP("TfctrPooledAttention")
    .TFCTR_ATTENTION_INPUTS.Output("pooled: float")
    .SetShapeFn([](InferenceContext* c) {
      c->set_output(0, c->input(0));
      return absl::OkStatus();
    });

REGISTER_OP("TfctrPooledAttentionGradient")
    .TFCTR_ATTENTION_INPUTS.Input("upstream: float")
    .Output("candidates_gradient: float")
    .Output("base_gradient: float")
    .Output("events_gradient: float")
    .Output("event_kernel_gradient: float")
    .Output("product_kernel_gradient: float")
    .Output("kernel_gradients: num_layers * float")
    .Output("bias_gradients: num_layers * float")
    .Output("score_kernel_gradient: float")
    .Output("score_bias_gradient: float")
    .SetShapeFn([](InferenceContext* c) {
      for (int k = 0; k < 3; ++k) c->set_output(k, c->input(k));
      for (int k = 3; k < c->num_outputs(); ++k) c->set_output(k, c->input(k + 1));
      return absl::OkStatus();
    });

// A matrix whose rows are padded with zeros to whole lanes.
struct Matrix {
  int64_t rows = 0, columns = 0, stride = 0;
  std::vector<float> data;

  Matrix() = default;
  Matrix(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), stride(Padded(columns)), data(rows * stride) {}
  Matrix(const float* from, int64_t rows, int64_t columns) : Matrix(rows, columns) {
    for (int64_t r = 0; r < rows; ++r) CopyRow(from + r * columns, row(r), columns);
  }

  float* row(int64_t r) { return data.data() + r * stride; }
  const float* row(int64_t r) const { return data.data() + r * stride; }

  Matrix Transposed() const {
    Matrix other(columns, rows);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) other.row(c)[r] = row(r)[c];
    }
    return other;
  }

  void AddTo(float* to) const {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) to[r * columns + c] += row(r)[c];
    }
  }
};

// What both operations read.
struct Network {
  int64_t batch, dim, longest = 0;
  const float *candidates, *base, *events;
  const int64_t* starts;
  Matrix event_kernel, product_kernel, event_transposed, product_transposed;
  std::vector<Matrix> kernels, transposed;
  std::vector<std::vector<float>> biases;
  std::vector<float> score;  // padded
  float score_bias;
  bool softmax;

  int64_t units(int64_t layer) const {
    return layer ? kernels[layer - 1].columns : event_kernel.columns;
  }
  int64_t num_layers() const { return kernels.size() + 1; }

  Status Read(OpKernelContext* context, bool is_softmax) {
    auto get = [&](const char* name, const Tensor** tensor) {
      return context->input(name, tensor);
    };
    const Tensor *c, *b, *e, *s, *we, *wp, *w, *wb;
    TF_RETURN_IF_ERROR(get("candidates", &c));
    TF_RETURN_IF_ERROR(get("base", &b));
    TF_RETURN_IF_ERROR(get("events", &e));
    TF_RETURN_IF_ERROR(get("starts", &s));
    TF_RETURN_IF_ERROR(get("event_kernel", &we));
    TF_RETURN_IF_ERROR(get("product_kernel", &wp));
    TF_RETURN_IF_ERROR(get("score_kernel", &w));
    TF_RETURN_IF_ERROR(get("score_bias", &wb));
    OpInputList ks, bs;
    TF_RETURN_IF_ERROR(context->input_list("kernels", &ks));
    TF_RETURN_IF_ERROR(context->input_list("biases", &bs));
    batch = c->dim_size(0);
    dim = c->dim_size(1);
    softmax = is_softmax;
    const int64_t first = we->dim_size(1);
    starts = s->flat<int64_t>().data();
    if (s->NumElements() != batch + 1 || e->dim_size(1) != dim ||
        we->dim_size(0) != dim || wp->shape() != we->shape() ||
        b->shape() != TensorShape({batch, first}) || starts[0] != 0 ||
        starts[batch] != e->dim_size(0)) {
      return absl::InvalidArgumentError("inputs of the attention do not fit");
    }
    for (int64_t i = 0; i < batch; ++i) {
      if (starts[i + 1] < starts[i]) {
        return absl::InvalidArgumentError("`starts` of the attention fall");
      }
      longest = std::max(longest, starts[i + 1] - starts[i]);
    }
    candidates = c->flat<float>().data();
    base = b->flat<float>().data();
    events = e->flat<float>().data();
    event_kernel = Matrix(we->flat<float>().data(), dim, first);
    product_kernel = Matrix(wp->flat<float>().data(), dim, first);
    event_transposed = event_kernel.Transposed();
    product_transposed = product_kernel.Transposed();
    for (int k = 0; k < ks.size(); ++k) {
      if (ks[k].dim_size(0) != units(k) || bs[k].NumElements() != ks[k].dim_size(1)) {
        return absl::InvalidArgumentError("layers of the attention do not fit");
      }
      kernels.emplace_back(ks[k].flat<float>().data(), ks[k].dim_size(0),
                           ks[k].dim_size(1));
      transposed.push_back(kernels.back().Transposed());
      const float* bias = bs[k].flat<float>().data();
      biases.emplace_back(bias, bias + bs[k].NumElements());
      biases.back().resize(kernels.back().stride);
    }
    const int64_t last = units(ks.size());
    if (w->NumElements() != last || wb->NumElements() != 1) {
      return absl::InvalidArgumentError("the score of the attention does not fit");
    }
    const float* weights = w->flat<float>().data();
    score.assign(weights, weights + last);
    score.resize(Padded(last));
    score_bias = wb->flat<float>()(0);
    return absl::OkStatus();
  }
};

inline void SetRows(const float* row, Matrix* to, int64_t count) {
  for (int64_t t = 0; t < count; ++t) {
    std::memcpy(to->row(t), row, to->stride * sizeof(float));
  }
}

inline void Rectify(Matrix* values, int64_t count) {
  float* data = values->data.data();
  const int64_t size = count * values->stride;
  for (int64_t k = 0; k < size; ++k) data[k] = data[k] > 0 ? data[k] : 0.0f;
}

// Zeros where the unit was off.
inline void MaskBy(const Matrix& units, Matrix* gradient, int64_t count) {
  const float* unit = units.data.data();
  float* data = gradient->data.data();
  const int64_t size = count * gradient->stride;
  for (int64_t k = 0; k < size; ++k) data[k] = unit[k] > 0 ? data[k] : 0.0f;
}

inline void AddColumns(const Matrix& values, int64_t count, float* to) {
  for (int64_t c = 0; c < values.stride; c += kLanes) {
    Lanes sum = Load(to + c);
    for (int64_t t = 0; t < count; ++t) sum += Load(values.row(t) + c);
    Store(to + c, sum);
  }
}

inline float Dot(const float* a, const float* b, int64_t padded) {
  Lanes sum = Zero();
  for (int64_t k = 0; k < padded; k += kLanes) sum += Load(a + k) * Load(b + k);
  return tfctr::Sum(sum);
}

// The forward pass of one history, with room for the longest.
struct Forward {
  explicit Forward(const Network& n)
      : mixed(n.dim, n.units(0)), own_base(mixed.stride), weights(n.longest) {
    for (int64_t k = 0; k < n.num_layers(); ++k) {
      hidden.emplace_back(n.longest, n.units(k));
    }
  }

  Matrix mixed;  // W_e + diag(c) W_p
  std::vector<float> own_base, weights;
  std::vector<Matrix> hidden;

  // Fills `hidden` and `weights` of history `i`; returns how many events it has.
  int64_t Run(const Network& n, int64_t i) {
    const int64_t count = n.starts[i + 1] - n.starts[i];
    if (count == 0) return 0;
    const float* candidate = n.candidates + i * n.dim;
    const float* events = n.events + n.starts[i] * n.dim;
    for (int64_t d = 0; d < n.dim; ++d) {
      const float factor = candidate[d];
      const float *left = n.event_kernel.row(d), *right = n.product_kernel.row(d);
      for (int64_t c = 0; c < mixed.stride; c += kLanes) {
        Store(mixed.row(d) + c, Load(left + c) + factor * Load(right + c));
      }
    }
    CopyRow(n.base + i * mixed.columns, own_base.data(), mixed.columns);
    SetRows(own_base.data(), &hidden[0], count);
    Multiply<true>({count, mixed.stride, n.dim, events, n.dim, 1, mixed.row(0),
                    mixed.stride, hidden[0].row(0), hidden[0].stride});
    Rectify(&hidden[0], count);
    for (size_t k = 0; k < n.kernels.size(); ++k) {
      const Matrix& kernel = n.kernels[k];
      SetRows(n.biases[k].data(), &hidden[k + 1], count);
      Multiply<true>({count, kernel.stride, kernel.rows, hidden[k].row(0),
                      hidden[k].stride, 1, kernel.row(0), kernel.stride,
                      hidden[k + 1].row(0), kernel.stride});
      Rectify(&hidden[k + 1], count);
    }
    const Matrix& last = hidden.back();
    for (int64_t t = 0; t < count; ++t) {
      weights[t] = Dot(last.row(t), n.score.data(), last.stride) + n.score_bias;
    }
    if (n.softmax) Normalize(count);
    return count;
  }

  void Normalize(int64_t count) {
    const float highest = *std::max_element(weights.begin(), weights.begin() + count);
    float total = 0;
    for (int64_t t = 0; t < count; ++t) {
      weights[t] = std::exp(weights[t] - highest);
      total += weights[t];
    }
    for (int64_t t = 0; t < count; ++t) weights[t] /= total;
  }
};

int64_t Cost(const Network& n) {
  int64_t products = n.dim * n.units(0);
  for (const Matrix& kernel : n.kernels) products += kernel.rows * kernel.columns;
  return n.starts[n.batch] * products / 8;
}

class PooledAttention : public OpKernel {
 public:
  explicit PooledAttention(OpKernelConstruction* construction)
      : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("softmax", &softmax_));
  }

  void Compute(OpKernelContext* context) override {
    Network n;
    OP_REQUIRES_OK(context, n.Read(context, softmax_));
    Tensor* output;
    OP_REQUIRES_OK(context,
                   context->allocate_output(0, TensorShape({n.batch, n.dim}), &output));
    float* pooled = output->flat<float>().data();
    OnAllCores(context, n.batch, Cost(n) / (n.batch + 1) + 1,
               [&](int64_t begin, int64_t end) {
      Forward forward(n);
      for (int64_t i = begin; i < end; ++i) {
        float* to = pooled + i * n.dim;
        std::fill(to, to + n.dim, 0.0f);
        const int64_t count = forward.Run(n, i);
        const float* event = n.events + n.starts[i] * n.dim;
        for (int64_t t = 0; t < count; ++t, event += n.dim) {
          const float weight = forward.weights[t];
          for (int64_t d = 0; d < n.dim; ++d) to[d] += weight * event[d];
        }
      }
    });
  }

 private:
  bool softmax_;
};

// Gradients of the weights from some of the histories.
struct Shares {
  explicit Shares(const Network& n)
      : event_kernel(n.dim, n.units(0)),
        product_kernel(n.dim, n.units(0)),
        score(n.score.size()) {
    for (const Matrix& kernel : n.kernels) {
      kernels.emplace_back(kernel.rows, kernel.columns);
      biases.emplace_back(kernel.stride);
    }
  }

  Matrix event_kernel, product_kernel;
  std::vector<Matrix> kernels;
  std::vector<std::vector<float>> biases;
  std::vector<float> score;
  float score_bias = 0;
};

// The backward pass of one history.
class Backward {
 public:
  Backward(const Network& n, const float* upstream, float* candidates, float* base,
           float* events)
      : n_(n),
        forward_(n),
        mixed_transposed_(n.units(0), n.dim),
        mixed_gradient_(n.dim, n.units(0)),
        event_gradient_(n.longest, n.dim),
        base_gradient_(mixed_gradient_.stride),
        scores_(n.longest),
        upstream_(upstream),
        candidates_(candidates),
        base_(base),
        events_(events) {
    for (int64_t k = 0; k < n.num_layers(); ++k) {
      gradients_.emplace_back(n.longest, n.units(k));
    }
  }

  void Run(int64_t i, Shares* shares) {
    const int64_t count = forward_.Run(n_, i), dim = n_.dim;
    if (count == 0) {
      std::fill(candidates_ + i * dim, candidates_ + (i + 1) * dim, 0.0f);
      std::fill(base_ + i * n_.units(0), base_ + (i + 1) * n_.units(0), 0.0f);
      return;
    }
    Score(i, count, shares);
    for (int64_t k = n_.num_layers() - 1; k > 0; --k) Layer(k, count, shares);
    First(i, count, shares);
  }

 private:
  // Of the weighted sum, the scores and the last layer's units.
  void Score(int64_t i, int64_t count, Shares* shares) {
    const int64_t dim = n_.dim;
    const float* upstream = upstream_ + i * dim;
    const float* event = n_.events + n_.starts[i] * dim;
    float mean = 0;
    for (int64_t t = 0; t < count; ++t) {
      float sum = 0;
      for (int64_t d = 0; d < dim; ++d) sum += upstream[d] * event[t * dim + d];
      scores_[t] = sum;
      mean += forward_.weights[t] * sum;
    }
    if (n_.softmax) {
      for (int64_t t = 0; t < count; ++t) {
        scores_[t] = forward_.weights[t] * (scores_[t] - mean);
      }
    }
    const Matrix& hidden = forward_.hidden.back();
    Matrix& gradient = gradients_.back();
    for (int64_t c = 0; c < hidden.stride; c += kLanes) {
      Lanes sum = Load(shares->score.data() + c);
      const Lanes weight = Load(n_.score.data() + c);
      for (int64_t t = 0; t < count; ++t) {
        const Lanes unit = Load(hidden.row(t) + c);
        sum += scores_[t] * unit;
        Store(gradient.row(t) + c, unit > 0 ? scores_[t] * weight : Zero());
      }
      Store(shares->score.data() + c, sum);
    }
    for (int64_t t = 0; t < count; ++t) shares->score_bias += scores_[t];
  }

  void Layer(int64_t k, int64_t count, Shares* shares) {
    const Matrix &below = forward_.hidden[k - 1], &gradient = gradients_[k];
    Matrix& kernel = shares->kernels[k - 1];
    Multiply<true>({kernel.rows, kernel.stride, count, below.row(0), 1, below.stride,
                    gradient.row(0), gradient.stride, kernel.row(0), kernel.stride});
    AddColumns(gradient, count, shares->biases[k - 1].data());
    const Matrix& transposed = n_.transposed[k - 1];
    Matrix& down = gradients_[k - 1];
    Multiply<false>({count, down.stride, transposed.rows, gradient.row(0),
                     gradient.stride, 1, transposed.row(0), transposed.stride,
                     down.row(0), down.stride});
    MaskBy(below, &down, count);
  }

  void First(int64_t i, int64_t count, Shares* shares) {
    const int64_t dim = n_.dim, units = n_.units(0);
    const float* candidate = n_.candidates + i * dim;
    const float* events = n_.events + n_.starts[i] * dim;
    const Matrix& gradient = gradients_[0];
    std::fill(base_gradient_.begin(), base_gradient_.end(), 0.0f);
    AddColumns(gradient, count, base_gradient_.data());
    CopyRow(base_gradient_.data(), base_ + i * units, units);
    Multiply<false>({dim, mixed_gradient_.stride, count, events, 1, dim,
                     gradient.row(0), gradient.stride, mixed_gradient_.row(0),
                     mixed_gradient_.stride});
    for (int64_t d = 0; d < dim; ++d) {
      const float* own = mixed_gradient_.row(d);
      const float* product = n_.product_kernel.row(d);
      float *left = shares->event_kernel.row(d), *right = shares->product_kernel.row(d);
      const float factor = candidate[d];
      Lanes sum = Zero();
      for (int64_t c = 0; c < mixed_gradient_.stride; c += kLanes) {
        const Lanes part = Load(own + c);
        Store(left + c, Load(left + c) + part);
        Store(right + c, Load(right + c) + factor * part);
        sum += part * Load(product + c);
      }
      candidates_[i * dim + d] = tfctr::Sum(sum);
    }
    for (int64_t u = 0; u < units; ++u) {
      float* row = mixed_transposed_.row(u);
      const float* left = n_.event_transposed.row(u);
      const float* right = n_.product_transposed.row(u);
      for (int64_t d = 0; d < dim; ++d) row[d] = left[d] + candidate[d] * right[d];
    }
    Multiply<false>({count, event_gradient_.stride, units, gradient.row(0),
                     gradient.stride, 1, mixed_transposed_.row(0),
                     mixed_transposed_.stride, event_gradient_.row(0),
                     event_gradient_.stride});
    const float* upstream = upstream_ + i * dim;
    float* to = events_ + n_.starts[i] * dim;
    for (int64_t t = 0; t < count; ++t, to += dim) {
      const float weight = forward_.weights[t];
      const float* through = event_gradient_.row(t);
      for (int64_t d = 0; d < dim; ++d) to[d] = through[d] + weight * upstream[d];
    }
  }

  const Network& n_;
  Forward forward_;
  Matrix mixed_transposed_, mixed_gradient_, event_gradient_;
  std::vector<Matrix> gradients_;
  std::vector<float> base_gradient_, scores_;
  const float* upstream_;
  float *candidates_, *base_, *events_;
};

class PooledAttentionGradient : public OpKernel {
 public:
  explicit PooledAttentionGradient(OpKernelConstruction* construction)
      : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("softmax", &softmax_));
  }

  void Compute(OpKernelContext* context) override {
    Network n;
    OP_REQUIRES_OK(context, n.Read(context, softmax_));
    const Tensor* upstream;
    OP_REQUIRES_OK(context, context->input("upstream", &upstream));
    OP_REQUIRES(context, upstream->shape() == TensorShape({n.batch, n.dim}),
                absl::InvalidArgumentError("upstream gradient does not fit"));
    float* written[3];
    for (int k = 0; k < 3; ++k) {
      Tensor* output;
      OP_REQUIRES_OK(context,
                     context->allocate_output(k, context->input(k).shape(), &output));
      written[k] = output->flat<float>().data();
    }
    const int64_t shards = std::min(kShards, n.batch);
    std::vector<Shares> shares(shards, Shares(n));
    OnAllCores(context, shards, 2 * Cost(n) / (shards + 1) + 1,
               [&](int64_t begin, int64_t end) {
      Backward backward(n, upstream->flat<float>().data(), written[0], written[1],
                        written[2]);
      for (int64_t shard = begin; shard < end; ++shard) {
        const int64_t stop = (shard + 1) * n.batch / shards;
        for (int64_t i = shard * n.batch / shards; i < stop; ++i) {
          backward.Run(i, &shares[shard]);
        }
      }
    });
    Sum(context, n, shares);
  }

 private:
  bool softmax_;

  // Adds the shares in their order, so that results do not depend on threads.
  static void Sum(OpKernelContext* context, const Network& n,
                  const std::vector<Shares>& shares) {
    const int layers = n.kernels.size();
    std::vector<float*> to(context->num_outputs());
    for (int k = 3; k < context->num_outputs(); ++k) {
      Tensor* output;
      OP_REQUIRES_OK(context, context->allocate_output(
                                  k, context->input(k + 1).shape(), &output));
      to[k] = output->flat<float>().data();
      std::fill(to[k], to[k] + output->NumElements(), 0.0f);
    }
    for (const Shares& share : shares) {
      share.event_kernel.AddTo(to[3]);
      share.product_kernel.AddTo(to[4]);
      for (int k = 0; k < layers; ++k) {
        share.kernels[k].AddTo(to[5 + k]);
        for (int64_t c = 0; c < n.kernels[k].columns; ++c) {
          to[5 + layers + k][c] += share.biases[k][c];
        }
      }
      const int64_t last = n.units(n.num_layers() - 1);
      for (int64_t c = 0; c < last; ++c) to[5 + 2 * layers][c] += share.score[c];
      to[6 + 2 * layers][0] += share.score_bias;
    }
  }
};

REGISTER_KERNEL_BUILDER(Name("TfctrPooledAttention").Device(tensorflow::DEVICE_CPU),
                        PooledAttention);
REGISTER_KERNEL_BUILDER(
    Name("TfctrPooledAttentionGradient").Device(tensorflow::DEVICE_CPU),
    PooledAttentionGradient);

}  // namespace
}  // namespace tfctr
