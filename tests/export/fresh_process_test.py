"""A deployment is answered by a process that has TensorFlow and nothing of ours."""

import json
import subprocess
import sys

import numpy as np

from tests.export.deployment import user_inputs
from tests.features.shop import shop_frame

CHILD = """
import json, sys

for name in ("keras", "keras_rs", "tfctr", "tfx", "tensorflow_transform"):
    sys.modules[name] = None  # whoever imports it fails
import tensorflow as tf

path, request = sys.argv[1], json.loads(sys.stdin.read())
signature = tf.saved_model.load(path).signatures["pre_ranking"]
specs = signature.structured_input_signature[1]
inputs = {n: tf.constant(value, specs[n].dtype) for n, value in request.items()}
answer = signature(**inputs)
print(json.dumps({
    "score": answer["score"].numpy().tolist(),
    "top": [[v.decode() for v in row] for row in answer["top_item_id"].numpy()],
}))
"""


def test_plain_tensorflow_answers_as_this_process_does(deployed, tmp_path):
    inputs = user_inputs(shop_frame(3, seed=4))
    inputs["item_id"] = np.array([["i1", "i8", "?", "i3", "i0"]] * 3, object)
    request = {name: value.tolist() for name, value in inputs.items()}
    moved = tmp_path / "moved"
    deployed.path.rename(moved)
    try:
        child = subprocess.run(
            [sys.executable, "-I", "-c", CHILD, str(moved)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
    finally:
        moved.rename(deployed.path)
    assert child.returncode == 0, child.stderr[-3000:]
    answer = json.loads(child.stdout.splitlines()[-1])
    expected = deployed.ask("pre_ranking", **inputs)
    np.testing.assert_allclose(answer["score"], expected["score"], atol=1e-6)
    assert answer["top"] == np.vectorize(bytes.decode)(expected["top_item_id"]).tolist()
