"""Laws of layers, losses, metrics, models and optimizers, for yours as well as ours.

In the manner of scikit-learn's `check_estimator`: each check raises an
`AssertionError` whose sentence names the first law that is broken.
"""

from tfctr.testing.batches import make_batch
from tfctr.testing.layers import check_layer
from tfctr.testing.losses import check_loss
from tfctr.testing.metrics import check_metric
from tfctr.testing.models import check_model
from tfctr.testing.optimizers import check_optimizer

__all__ = [
    "check_layer",
    "check_loss",
    "check_metric",
    "check_model",
    "check_optimizer",
    "make_batch",
]
