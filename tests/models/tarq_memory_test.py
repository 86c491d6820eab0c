"""What training TARQ on requests takes of memory, measured in a process of its own."""

import json
import subprocess
import sys

import pytest

GIB = 2**30
SCRIPT = """
import json
import numpy as np
import keras
from tfctr.features import Categorical, FeatureSchema, Label, Sequence
from tfctr.models import TARQ
from tfctr.testing import make_batch

item = Categorical("item_id")
schema = FeatureSchema(
    user=[Categorical("user_id")], item=[item],
    sequences=[Sequence("history", [item], max_length=50)],
    labels=[Label("click")], user_id="user_id", item_id="item_id",
    sizes={"user_id": 500, "item_id": 2000})
x, _ = make_batch(schema, 128)
rng = np.random.default_rng(0)
x["item_id"] = rng.integers(1, 2000, (128, 16)).astype("int32")
x["history_item_id"] = rng.integers(1, 2000, (128, 50)).astype("int32")
y = {"click": rng.integers(0, 2, (128, 16)).astype("float32")}
settings = {"num_levels": 3, "num_codes": 256, "code_dim": 64, "attention_dim": 64}
model = TARQ(schema, settings=settings)
model.compile(optimizer=keras.optimizers.Adam(), weighted_metrics=[])
model.fit(x, y, batch_size=64, epochs=2, verbose=0)
# Not getrusage, which remembers the process that this one was forked from.
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if "VmHWM" in line) * 1024
print(json.dumps({"peak": peak, "steps": int(model.optimizer.iterations)}))
"""


@pytest.mark.slow
def test_training_on_requests_stays_below_two_gib():
    """64 requests of 16 candidates, L=3, K=256, D=64, histories of 50."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["steps"] == 4
    assert 0.2 * GIB < found["peak"] < 2 * GIB
