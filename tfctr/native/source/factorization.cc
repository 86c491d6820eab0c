// The pairs of a factorisation machine, with the rows split into vectors and weights:
// of rows that were read before, or straight from their table.

#include <atomic>

#include "shared.h"

namespace tfctr {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::Var;
using tensorflow::core::RefCountPtr;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

// vectors: the first `dim` of each row, side by side; weights: the sums of the rest;
// pairs: the sum of the products of all pairs of vectors.
struct Parts {
  Tensor *vectors, *weights, *pairs;

  Status Allocate(OpKernelContext* context, int64_t batch, int64_t fields, int64_t dim,
                  int64_t rest) {
    TF_RETURN_IF_ERROR(
        context->allocate_output(0, TensorShape({batch, fields * dim}), &vectors));
    TF_RETURN_IF_ERROR(context->allocate_output(1, TensorShape({batch, rest}), &weights));
    return context->allocate_output(2, TensorShape({batch, 1}), &pairs);
  }
};

// The parts of the examples `[begin, end)`, whose rows `row_at(example, field)` gives,
// or null to give up.
template <typename RowAt>
void FillParts(const Parts& parts, int64_t begin, int64_t end, int64_t fields,
               int64_t dim, int64_t width, const RowAt& row_at) {
  const int64_t rest = width - dim;
  float* to = parts.vectors->flat<float>().data();
  float* sums = parts.weights->flat<float>().data();
  float* result = parts.pairs->flat<float>().data();
  std::vector<float> total(width), squares(dim);
  for (int64_t b = begin; b < end; ++b) {
    std::fill(total.begin(), total.end(), 0.0f);
    std::fill(squares.begin(), squares.end(), 0.0f);
    for (int64_t f = 0; f < fields; ++f) {
      const float* row = row_at(b, f);
      if (row == nullptr) return;
      CopyRow(row, to + (b * fields + f) * dim, dim);
      for (int64_t k = 0; k < dim; ++k) {
        total[k] += row[k];
        squares[k] += row[k] * row[k];
      }
      for (int64_t k = dim; k < width; ++k) total[k] += row[k];
    }
    float sum = 0;
    for (int64_t k = 0; k < dim; ++k) sum += total[k] * total[k] - squares[k];
    result[b] = 0.5f * sum;
    CopyRow(total.data() + dim, sums + b * rest, rest);
  }
}

REGISTER_OP("TfctrFactorization")
    .Input("rows: float")
    .Output("vectors: float")
    .Output("weights: float")
    .Output("pairs: float")
    .Attr("dim: int >= 1")
    .SetShapeFn([](InferenceContext* c) {
      int64_t dim;
      TF_RETURN_IF_ERROR(c->GetAttr("dim", &dim));
      ShapeHandle rows;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 3, &rows));
      const auto batch = c->Dim(rows, 0);
      const bool known = c->ValueKnown(c->Dim(rows, 1));
      const auto flat = known ? c->MakeDim(c->Value(c->Dim(rows, 1)) * dim)
                              : c->UnknownDim();
      const auto rest = c->ValueKnown(c->Dim(rows, 2))
                            ? c->MakeDim(c->Value(c->Dim(rows, 2)) - dim)
                            : c->UnknownDim();
      c->set_output(0, c->Matrix(batch, flat));
      c->set_output(1, c->Matrix(batch, rest));
      c->set_output(2, c->Matrix(batch, 1));
      return absl::OkStatus();
    });

class Factorization : public OpKernel {
 public:
  explicit Factorization(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("dim", &dim_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& rows = context->input(0);
    OP_REQUIRES(context, rows.dims() == 3 && rows.dim_size(2) >= dim_,
                absl::InvalidArgumentError("rows are not (batch, fields, width)"));
    const int64_t batch = rows.dim_size(0), fields = rows.dim_size(1);
    const int64_t width = rows.dim_size(2);
    Parts parts;
    OP_REQUIRES_OK(context, parts.Allocate(context, batch, fields, dim_, width - dim_));
    const float* from = rows.flat<float>().data();
    OnAllCores(context, batch, fields * width, [&](int64_t begin, int64_t end) {
      FillParts(parts, begin, end, fields, dim_, width, [&](int64_t b, int64_t f) {
        return from + (b * fields + f) * width;
      });
    });
  }

 private:
  int64_t dim_;
};

REGISTER_OP("TfctrTableFactorization")
    .Input("table: resource")
    .Input("ids: T")
    .Output("vectors: float")
    .Output("weights: float")
    .Output("pairs: float")
    .Attr("T: {int32, int64}")
    .Attr("dim: int >= 1")
    .Attr("width: int >= 1")
    .SetIsStateful()
    .SetShapeFn([](InferenceContext* c) {
      int64_t dim, width;
      TF_RETURN_IF_ERROR(c->GetAttr("dim", &dim));
      TF_RETURN_IF_ERROR(c->GetAttr("width", &width));
      ShapeHandle ids;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 2, &ids));
      const auto fields = c->Dim(ids, 1);
      c->set_output(0, c->Matrix(c->Dim(ids, 0), c->ValueKnown(fields)
                                                     ? c->MakeDim(c->Value(fields) * dim)
                                                     : c->UnknownDim()));
      c->set_output(1, c->Matrix(c->Dim(ids, 0), width - dim));
      c->set_output(2, c->Matrix(c->Dim(ids, 0), 1));
      return absl::OkStatus();
    });

template <typename Id>
class TableFactorization : public OpKernel {
 public:
  explicit TableFactorization(OpKernelConstruction* construction)
      : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("dim", &dim_));
  }

  void Compute(OpKernelContext* context) override {
    RefCountPtr<Var> variable;
    OP_REQUIRES_OK(context,
                   LookupResource(context, HandleFromInput(context, 0), &variable));
    tensorflow::tf_shared_lock lock(*variable->mu());
    const Tensor& table = *variable->tensor();
    OP_REQUIRES(context,
                table.dtype() == tensorflow::DT_FLOAT && table.dims() == 2 &&
                    table.dim_size(1) >= dim_ && context->input(1).dims() == 2,
                absl::InvalidArgumentError("the table is not a float32 matrix"));
    const int64_t num_rows = table.dim_size(0), width = table.dim_size(1);
    const int64_t batch = context->input(1).dim_size(0);
    const int64_t fields = context->input(1).dim_size(1), count = batch * fields;
    Parts parts;
    OP_REQUIRES_OK(context, parts.Allocate(context, batch, fields, dim_, width - dim_));
    const float* from = table.flat<float>().data();
    const Id* ids = context->input(1).flat<Id>().data();
    auto is_known = [&](int64_t place) {
      return static_cast<uint64_t>(ids[place]) < static_cast<uint64_t>(num_rows);
    };
    std::atomic<int64_t> wrong(-1);
    OnAllCores(context, batch, fields * width, [&](int64_t begin, int64_t end) {
      FillParts(parts, begin, end, fields, dim_, width,
                [&](int64_t b, int64_t f) -> const float* {
                  const int64_t place = b * fields + f, next = place + kAhead;
                  if (next < count && is_known(next)) {
                    Prefetch(from + ids[next] * width, width);
                  }
                  if (is_known(place)) return from + ids[place] * width;
                  wrong = place;
                  return nullptr;
                });
    });
    OP_REQUIRES_OK(context, KnownRow(wrong < 0, wrong < 0 ? 0 : ids[wrong], num_rows));
  }

 private:
  int64_t dim_;
};

REGISTER_OP("TfctrFactorizationGradient")
    .Input("vectors: float")
    .Input("vectors_gradient: float")
    .Input("weights_gradient: float")
    .Input("pairs_gradient: float")
    .Output("rows_gradient: float")
    .Attr("dim: int >= 1")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);

class FactorizationGradient : public OpKernel {
 public:
  explicit FactorizationGradient(OpKernelConstruction* construction)
      : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("dim", &dim_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& vectors = context->input(0);
    const int64_t batch = vectors.dim_size(0), dim = dim_;
    const int64_t fields = vectors.dim_size(1) / dim;
    const int64_t rest = context->input(2).dim_size(1), width = dim + rest;
    Tensor* output;
    OP_REQUIRES_OK(context, context->allocate_output(
                                0, TensorShape({batch, fields, width}), &output));
    const float* values = vectors.flat<float>().data();
    const float* upstream = context->input(1).flat<float>().data();
    const float* weights = context->input(2).flat<float>().data();
    const float* pairs = context->input(3).flat<float>().data();
    float* to = output->flat<float>().data();
    OnAllCores(context, batch, fields * width, [&](int64_t begin, int64_t end) {
      std::vector<float> total(dim);
      for (int64_t b = begin; b < end; ++b) {
        std::fill(total.begin(), total.end(), 0.0f);
        const float* own = values + b * fields * dim;
        const float* over = upstream + b * fields * dim;
        for (int64_t f = 0; f < fields; ++f) {
          for (int64_t k = 0; k < dim; ++k) total[k] += own[f * dim + k];
        }
        const float pair = pairs[b];
        for (int64_t f = 0; f < fields; ++f) {
          float* row = to + (b * fields + f) * width;
          // Of sum_{i<j} <v_i, v_j> in v_i: the sum of all others.
          for (int64_t k = 0; k < dim; ++k) {
            row[k] = over[f * dim + k] + pair * (total[k] - own[f * dim + k]);
          }
          CopyRow(weights + b * rest, row + dim, rest);
        }
      }
    });
  }

 private:
  int64_t dim_;
};

REGISTER_KERNEL_BUILDER(Name("TfctrFactorization").Device(tensorflow::DEVICE_CPU),
                        Factorization);
REGISTER_KERNEL_BUILDER(Name("TfctrTableFactorization")
                            .Device(tensorflow::DEVICE_CPU)
                            .TypeConstraint<int32_t>("T"),
                        TableFactorization<int32_t>);
REGISTER_KERNEL_BUILDER(Name("TfctrTableFactorization")
                            .Device(tensorflow::DEVICE_CPU)
                            .TypeConstraint<int64_t>("T"),
                        TableFactorization<int64_t>);
REGISTER_KERNEL_BUILDER(
    Name("TfctrFactorizationGradient").Device(tensorflow::DEVICE_CPU),
    FactorizationGradient);

}  // namespace
}  // namespace tfctr
