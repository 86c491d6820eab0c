// What all kernels share: small matrix products, rows in memory, work for all cores.
#ifndef TFCTR_NATIVE_SHARED_H_
#define TFCTR_NATIVE_SHARED_H_

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/resource_mgr.h"
#include "tensorflow/core/framework/resource_var.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/util/work_sharder.h"

namespace tfctr {

using tensorflow::OpKernelContext;
using absl::Status;
using tensorflow::Tensor;
using tensorflow::TensorShape;

#ifdef __AVX512F__
constexpr int kLanes = 16;
#else
constexpr int kLanes = 8;
#endif
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef float UnalignedLanes
    __attribute__((vector_size(kLanes * sizeof(float)), aligned(4)));

inline Lanes Load(const float* from) {
  return *reinterpret_cast<const UnalignedLanes*>(from);
}
inline void Store(float* to, Lanes value) {
  *reinterpret_cast<UnalignedLanes*>(to) = value;
}
inline Lanes Zero() { return Lanes{}; }

// Few lanes, whose roots and quotients take a fraction of the time.
typedef float Few __attribute__((vector_size(4 * sizeof(float))));

// The first `count` lanes of a vector `V`, of which the others are 0.
template <typename V>
inline V LoadSome(const float* from, int count) {
  V value = V{};
  std::memcpy(&value, from, count * sizeof(float));
  return value;
}
template <typename V>
inline void StoreSome(float* to, V value, int count) {
  std::memcpy(to, &value, count * sizeof(float));
}
template <>
inline Lanes LoadSome<Lanes>(const float* from, int count) {
  if (count == kLanes) return Load(from);
#ifdef __AVX512F__
  return (Lanes)_mm512_maskz_loadu_ps((1u << count) - 1, from);
#else
  Lanes value = Zero();
  for (int k = 0; k < count; ++k) value[k] = from[k];
  return value;
#endif
}
template <>
inline void StoreSome<Lanes>(float* to, Lanes value, int count) {
  if (count == kLanes) return Store(to, value);
#ifdef __AVX512F__
  _mm512_mask_storeu_ps(to, (1u << count) - 1, (__m512)value);
#else
  for (int k = 0; k < count; ++k) to[k] = value[k];
#endif
}
#ifdef __AVX512F__
template <>
inline Few LoadSome<Few>(const float* from, int count) {
  return (Few)_mm_maskz_loadu_ps((1u << count) - 1, from);
}
template <>
inline void StoreSome<Few>(float* to, Few value, int count) {
  _mm_mask_storeu_ps(to, (1u << count) - 1, (__m128)value);
}
#endif

inline Lanes Root(Lanes value) {
#ifdef __AVX512F__
  return (Lanes)_mm512_sqrt_ps((__m512)value);
#else
  return (Lanes)_mm256_sqrt_ps((__m256)value);
#endif
}
inline Few Root(Few value) { return (Few)_mm_sqrt_ps((__m128)value); }

inline float Sum(Lanes value) {
  float total = 0;
  for (int k = 0; k < kLanes; ++k) total += value[k];
  return total;
}

// `count` rounded up to whole lanes.
inline int64_t Padded(int64_t count) {
  return (count + kLanes - 1) / kLanes * kLanes;
}

inline void CopyRow(const float* from, float* to, int64_t width) {
  int64_t k = 0;
  for (; k + 16 <= width; k += 16) std::memcpy(to + k, from + k, 64);
  for (; k + 4 <= width; k += 4) std::memcpy(to + k, from + k, 16);
  for (; k < width; ++k) to[k] = from[k];
}

// Asks for the cache lines of a row that will be read soon.
inline void Prefetch(const float* row, int64_t width) {
  const char* start = reinterpret_cast<const char*>(row);
  const char* last = start + width * sizeof(float) - 1;
  for (const char* line = start; line <= last; line += 64) __builtin_prefetch(line);
  __builtin_prefetch(last);
}

constexpr int64_t kAhead = 16;  // rows asked for before they are needed

// An error that names the row, unless it `is_known`.
inline Status KnownRow(bool is_known, int64_t id, int64_t num_rows) {
  if (is_known) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("id ", id, " is not one of the table's ", num_rows, " rows"));
}

// Runs `work(begin, end)` over `[0, total)` on the threads of TensorFlow. `cost` is
// that of one unit in nanoseconds or so.
inline void OnAllCores(OpKernelContext* context, int64_t total, int64_t cost,
                       const std::function<void(int64_t, int64_t)>& work) {
  auto* workers = context->device()->tensorflow_cpu_worker_threads();
  tensorflow::Shard(workers->num_threads, workers->workers, total, cost, work);
}

// C[m, n] = (or +=) A[m, k] B[k, n], where A's elements lie `a_row` and `a_column`
// apart, B's and C's rows are contiguous, and n is a multiple of `kLanes`.
struct Product {
  int64_t m, n, k;
  const float* a;
  int64_t a_row, a_column;
  const float* b;
  int64_t b_row;
  float* c;
  int64_t c_row;
};

template <int kRows, int kVectors, bool kAdd>
inline void Block(const Product& p, int64_t row, int64_t column) {
  Lanes sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] =
          kAdd ? Load(p.c + (row + r) * p.c_row + column + v * kLanes) : Zero();
    }
  }
  const float* a = p.a + row * p.a_row;
  const float* b = p.b + column;
  for (int64_t k = 0; k < p.k; ++k, a += p.a_column, b += p.b_row) {
    Lanes loaded[kVectors];
    for (int v = 0; v < kVectors; ++v) loaded[v] = Load(b + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const float factor = a[r * p.a_row];
      for (int v = 0; v < kVectors; ++v) sums[r][v] += factor * loaded[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      Store(p.c + (row + r) * p.c_row + column + v * kLanes, sums[r][v]);
    }
  }
}

#ifdef __AVX512F__
constexpr int kWidest = 4;  // 4 x 4 of 32 registers hold sums
#else
constexpr int kWidest = 2;  // 4 x 2 of 16
#endif

template <int kVectors, bool kAdd>
inline void Rows(const Product& p, int64_t column) {
  // Few columns leave registers for more rows.
  constexpr int kTall = kVectors * 2 <= kWidest ? 8 : 4;
  int64_t row = 0;
  for (; row + kTall <= p.m; row += kTall) Block<kTall, kVectors, kAdd>(p, row, column);
  if (kTall == 8 && row + 4 <= p.m) {
    Block<4, kVectors, kAdd>(p, row, column);
    row += 4;
  }
  switch (p.m - row) {
    case 3: Block<3, kVectors, kAdd>(p, row, column); break;
    case 2: Block<2, kVectors, kAdd>(p, row, column); break;
    case 1: Block<1, kVectors, kAdd>(p, row, column); break;
    default: break;
  }
}

template <bool kAdd>
inline void Multiply(const Product& p) {
  int64_t column = 0;
  for (; column + kWidest * kLanes <= p.n; column += kWidest * kLanes) {
    Rows<kWidest, kAdd>(p, column);
  }
  if (kWidest == 4 && column + 2 * kLanes <= p.n) {
    Rows<2, kAdd>(p, column);
    column += 2 * kLanes;
  }
  for (; column + kLanes <= p.n; column += kLanes) Rows<1, kAdd>(p, column);
}

}  // namespace tfctr

#endif  // TFCTR_NATIVE_SHARED_H_
