"""Models by name. Each keeps the contract of `RankingModel`."""

from tfctr.errors import UnknownName
from tfctr.models.base import RankingModel
from tfctr.models.baselines.autoint import AutoInt
from tfctr.models.baselines.cold import COLD
from tfctr.models.baselines.dcnv2 import DCNv2
from tfctr.models.baselines.deepfm import DeepFM
from tfctr.models.baselines.dien import DIEN
from tfctr.models.baselines.din import DIN
from tfctr.models.baselines.esmm import ESMM
from tfctr.models.baselines.fibinet import FiBiNET
from tfctr.models.baselines.logistic_regression import LogisticRegression
from tfctr.models.baselines.lstm_plus_plus import LSTMPlusPlus
from tfctr.models.baselines.mmoe import MMoE
from tfctr.models.baselines.modal_baseline import ModalBaseline
from tfctr.models.baselines.multitask import MultiTaskModel
from tfctr.models.baselines.narm import NARM
from tfctr.models.baselines.ple import PLE
from tfctr.models.baselines.pnn import PNN
from tfctr.models.baselines.sasrec import SASRec
from tfctr.models.baselines.shared_bottom import SharedBottom
from tfctr.models.baselines.sli_rec import SLiRec
from tfctr.models.baselines.stored_attention import StoredTargetAttention
from tfctr.models.baselines.time_lstm import TimeLSTM
from tfctr.models.baselines.two_tower import TwoTower
from tfctr.models.baselines.vector_product import VectorProduct
from tfctr.models.baselines.wdl import WDL
from tfctr.models.baselines.xdeepfm import xDeepFM
from tfctr.models.calibrated import Calibrated
from tfctr.models.dfgr import DFGR
from tfctr.models.dhen import DHEN
from tfctr.models.diff_msin import DiffMSIN
from tfctr.models.distillation import Distillation
from tfctr.models.hstu import HSTU
from tfctr.models.id_pretraining import IDPretraining
from tfctr.models.metagr import MetaGR
from tfctr.models.modal_ranker import ModalRanker
from tfctr.models.pre_ranking import PreRankingModel
from tfctr.models.sequence_tokens import SequenceEncoding
from tfctr.models.sfgr import SFGR
from tfctr.models.tarq import TARQ
from tfctr.models.tasks import Task
from tfctr.models.tlsi import TLSI
from tfctr.models.towers import merged

__all__ = [
    "COLD",
    "DFGR",
    "DHEN",
    "DIEN",
    "DIN",
    "ESMM",
    "HSTU",
    "NARM",
    "PLE",
    "PNN",
    "SFGR",
    "TARQ",
    "TLSI",
    "WDL",
    "AutoInt",
    "Calibrated",
    "DCNv2",
    "DeepFM",
    "DiffMSIN",
    "Distillation",
    "FiBiNET",
    "IDPretraining",
    "LSTMPlusPlus",
    "LogisticRegression",
    "MMoE",
    "MetaGR",
    "ModalBaseline",
    "ModalRanker",
    "MultiTaskModel",
    "PreRankingModel",
    "RankingModel",
    "SASRec",
    "SLiRec",
    "SequenceEncoding",
    "SharedBottom",
    "StoredTargetAttention",
    "Task",
    "TimeLSTM",
    "TwoTower",
    "VectorProduct",
    "get",
    "merged",
    "names",
    "xDeepFM",
]

_MODELS: tuple[type[RankingModel], ...] = (
    LogisticRegression,
    WDL,
    PNN,
    FiBiNET,
    DeepFM,
    DCNv2,
    xDeepFM,
    AutoInt,
    SharedBottom,
    ESMM,
    MMoE,
    PLE,
    DHEN,
    DIN,
    DiffMSIN,
    ModalBaseline,
    DIEN,
    NARM,
    LSTMPlusPlus,
    TimeLSTM,
    SLiRec,
    SASRec,
    TwoTower,
    VectorProduct,
    COLD,
    StoredTargetAttention,
    TARQ,
    TLSI,
    HSTU,
    DFGR,
    SFGR,
    MetaGR,
)


def names() -> list[str]:
    """Names of all models.

    >>> "DeepFM" in names()
    True
    """
    return [model.__name__ for model in _MODELS]


def get(name: str) -> type[RankingModel]:
    """The model class called `name`.

    Args:
        name: One of `names()`.

    Raises:
        UnknownName: There is no such model; the text offers near names.

    >>> get("DIN").__name__
    'DIN'
    """
    for model in _MODELS:
        if model.__name__ == name:
            return model
    raise UnknownName("model", name, names())
