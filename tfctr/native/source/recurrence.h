// What recurrent kernels share: their activations, and the order of their work.
#ifndef TFCTR_NATIVE_RECURRENCE_H_
#define TFCTR_NATIVE_RECURRENCE_H_

#include <algorithm>
#include <numeric>

#include "shared.h"

namespace tfctr {

constexpr int64_t kBlock = 16;   // histories that run together
constexpr int64_t kShards = 32;  // of blocks, whatever the number of threads

typedef int32_t Whole __attribute__((vector_size(kLanes * sizeof(int32_t))));

// e^x to two units in the last place; the ends of the range stand for what lies beyond.
inline Lanes Exp(Lanes x) {
  x = x < -87.0f ? Zero() - 87.0f : x;
  x = x > 87.0f ? Zero() + 87.0f : x;
  const Lanes turns = x * 1.44269504f + (x < 0 ? Zero() - 0.5f : Zero() + 0.5f);
  const Whole whole = __builtin_convertvector(turns, Whole);
  const Lanes n = __builtin_convertvector(whole, Lanes);
  const Lanes r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Lanes sum = 1.9875691500e-4f * r + 1.3981999507e-3f;
  sum = sum * r + 8.3334519073e-3f;
  sum = sum * r + 4.1665795894e-2f;
  sum = sum * r + 1.6666665459e-1f;
  sum = sum * r + 5.0000001201e-1f;
  sum = sum * r * r + r + 1.0f;
  const Whole power = (whole + 127) << 23;
  return sum * (Lanes)power;
}
inline Lanes Sigmoid(Lanes x) { return 1.0f / (1.0f + Exp(-x)); }
inline Lanes Tanh(Lanes x) { return 2.0f / (1.0f + Exp(-2.0f * x)) - 1.0f; }

// Where the real events of each history are, and which histories run together.
struct Histories {
  int64_t batch, time;
  std::vector<int32_t> places;  // (batch, time), the first `counts` of each row
  std::vector<int32_t> counts, order;

  Histories(const bool* mask, int64_t batch, int64_t time)
      : batch(batch), time(time), places(batch * time), counts(batch), order(batch) {
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t t = 0; t < time; ++t) {
        if (mask[b * time + t]) places[b * time + counts[b]++] = t;
      }
    }
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return counts[a] > counts[b]; });
  }

  int64_t blocks() const { return (batch + kBlock - 1) / kBlock; }
  int64_t shards() const { return std::min(kShards, blocks()); }
  // Long and short ones alternate, so that each thread has some of both.
  int64_t block(int64_t place) const {
    return place % 2 ? blocks() - 1 - place / 2 : place / 2;
  }
};

// The histories of one block, longest first.
struct Block16 {
  const Histories& all;
  int64_t rows;
  const int32_t* order;

  Block16(const Histories& all, int64_t block)
      : all(all),
        rows(std::min(kBlock, all.batch - block * kBlock)),
        order(all.order.data() + block * kBlock) {}

  int64_t longest() const { return all.counts[order[0]]; }
  int64_t count(int64_t row) const { return all.counts[order[row]]; }
  // How many histories have an event at that step.
  int64_t active(int64_t step) const {
    int64_t n = 0;
    while (n < rows && count(n) > step) ++n;
    return n;
  }
  int64_t at(int64_t row, int64_t step) const {  // of all events of the batch
    return order[row] * all.time + all.places[order[row] * all.time + step];
  }
  int64_t kept(int64_t row, int64_t step) const { return order[row] * all.time + step; }
};

inline void ClearPadding(const Histories& all, const bool* mask, float* values,
                  int64_t width) {
  for (int64_t k = 0; k < all.batch * all.time; ++k) {
    if (!mask[k]) std::fill(values + k * width, values + (k + 1) * width, 0.0f);
  }
}

}  // namespace tfctr

#endif  // TFCTR_NATIVE_RECURRENCE_H_
