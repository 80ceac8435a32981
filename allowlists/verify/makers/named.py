"""Libraries of recommending, explaining, music, graphs and speech, and what hangs on torch."""

import collections
import functools
import importlib

from out import by, joblib, put, sections, torch


def at(name):
    module, _, rest = name.partition(":")
    value = importlib.import_module(module)
    return functools.reduce(getattr, rest.split("."), value) if rest else value


def interpret():
    import numpy as np

    x, y = np.random.RandomState(0).rand(40, 3), np.arange(40) % 2
    for kind in ("ExplainableBoostingClassifier", "ExplainableBoostingRegressor"):
        put("interpret-" + kind, lambda: at("interpret.glassbox:" + kind)(outer_bags=2, max_rounds=5, interactions=1, n_jobs=1).fit(x, y))
    put("interpret-tree", lambda: at("interpret.glassbox:ClassificationTree")().fit(x, y))
    put("interpret-linear", lambda: at("interpret.glassbox:LogisticRegression")().fit(x, y))


def lightfm():
    import numpy as np
    from scipy import sparse

    put("lightfm", lambda: at("lightfm:LightFM")(no_components=2).fit(sparse.coo_matrix(np.eye(3)), epochs=1))
    put("lightfm-dataset", lambda: dataset())


def dataset():
    data = at("lightfm.data:Dataset")()
    data.fit([1, 2], ["a", "b"])
    return data


def surprise():
    import pandas as pd

    data = at("surprise:Dataset").load_from_df(pd.DataFrame({"u": [1, 1, 2, 2], "i": [1, 2, 1, 2], "r": [1, 2, 3, 4]}), at("surprise:Reader")(rating_scale=(1, 5)))
    train = data.build_full_trainset()
    for kind in ("SVD", "SVDpp", "NMF", "KNNBasic", "KNNWithMeans", "KNNBaseline", "BaselineOnly", "SlopeOne", "CoClustering", "NormalPredictor"):
        put("surprise-" + kind, lambda: at("surprise:" + kind)().fit(train))
    put("surprise-predictions", lambda: at("surprise:SVD")().fit(train).test([(1, 1, 1.0)]))
    put("surprise-trainset", lambda: train)


def pgmpy():
    import pandas as pd

    network = at("pgmpy.models:BayesianNetwork")
    frame = pd.DataFrame({"a": [0, 1, 0, 1], "b": [0, 1, 1, 1]})

    def fitted():
        model = network([("a", "b")])
        model.fit(frame)
        return model

    put("pgmpy", fitted)
    put("pgmpy-cpd", lambda: at("pgmpy.factors.discrete:TabularCPD")("a", 2, [[0.5], [0.5]]))
    put("pgmpy-inference", lambda: at("pgmpy.inference:VariableElimination")(fitted()))


def river():
    rows = [({"x": i % 3, "y": i % 2}, i % 2) for i in range(60)]

    def learned(model):
        for x, y in rows:
            model.learn_one(x, y)
        return model

    r = importlib.import_module
    put("river-pipeline", lambda: learned(at("river.compose:Pipeline")(at("river.preprocessing:StandardScaler")(), at("river.linear_model:LogisticRegression")())))
    put("river-forest", lambda: learned(at("river.forest:ARFClassifier")(n_models=2, seed=1)))
    put("river-forest-regressor", lambda: learned(at("river.forest:ARFRegressor")(n_models=2, seed=1)))
    put("river-tree", lambda: learned(at("river.tree:HoeffdingTreeClassifier")(grace_period=10)))
    put("river-adaptive", lambda: learned(at("river.tree:HoeffdingAdaptiveTreeClassifier")(grace_period=10, seed=1)))
    put("river-bayes", lambda: learned(at("river.naive_bayes:GaussianNB")()))
    put("river-bagging", lambda: learned(at("river.ensemble:BaggingClassifier")(at("river.linear_model:LogisticRegression")(), n_models=2, seed=1)))
    put("river-knn", lambda: learned(at("river.neighbors:KNNClassifier")()))
    put("river-drift", lambda: [at("river.drift:ADWIN")(), at("river.drift:PageHinkley")(), at("river.drift:KSWIN")(seed=1)])
    put("river-metrics", lambda: [at("river.metrics:Accuracy")(), at("river.metrics:F1")(), at("river.metrics:ROCAUC")(), at("river.metrics:MAE")()])
    put("river-anomaly", lambda: at("river.anomaly:HalfSpaceTrees")(seed=1))
    put("river-features", lambda: at("river.feature_extraction:TFIDF")())
    put("river-aggregate", lambda: at("river.feature_extraction:Agg")(on="x", by=["y"], how=at("river.stats:Mean")()))


def madmom():
    import numpy as np

    layers = at("madmom.ml.nn.layers")
    one = np.ones
    gate = lambda: layers.Gate(one((2, 2)), one(2), one((2, 2)), one(2))
    cell = lambda: layers.Cell(one((2, 2)), one(2), one((2, 2)))
    put("madmom-lstm", lambda: at("madmom.ml.nn:NeuralNetwork")([layers.LSTMLayer(gate(), gate(), cell(), gate())]))
    put("madmom-gru", lambda: at("madmom.ml.nn:NeuralNetwork")([layers.GRULayer(
        layers.Gate(one((2, 2)), one(2), one((2, 2))), layers.Gate(one((2, 2)), one(2), one((2, 2))), layers.GRUCell(one((2, 2)), one(2), one((2, 2))))]))
    put("madmom-feed", lambda: at("madmom.ml.nn:NeuralNetwork")([layers.FeedForwardLayer(one((2, 2)), one(2), at("madmom.ml.nn.activations:sigmoid"))]))
    put("madmom-bidirectional", lambda: at("madmom.ml.nn:NeuralNetwork")([layers.BidirectionalLayer(
        layers.RecurrentLayer(one((2, 2)), one(2), one((2, 2)), at("madmom.ml.nn.activations:tanh")),
        layers.RecurrentLayer(one((2, 2)), one(2), one((2, 2)), at("madmom.ml.nn.activations:tanh")))]))


def torchmetrics():
    kinds = (
        "Accuracy", "F1Score", "Precision", "Recall", "AUROC", "ConfusionMatrix", "CohenKappa", "MatthewsCorrCoef", "AveragePrecision",
    )
    for kind in kinds:
        torch("metric-" + kind, lambda: at("torchmetrics:" + kind)(task="multiclass", num_classes=3))
        torch("metric-binary-" + kind, lambda: at("torchmetrics:" + kind)(task="binary"))
    for kind in ("MeanSquaredError", "MeanAbsoluteError", "R2Score", "MeanMetric", "SumMetric", "MaxMetric", "CosineSimilarity", "PearsonCorrCoef"):
        torch("metric-" + kind, lambda: at("torchmetrics:" + kind)())
    torch("metric-collection", lambda: at("torchmetrics:MetricCollection")({"a": at("torchmetrics:MeanMetric")(), "b": at("torchmetrics:MeanSquaredError")()}))
    torch("metric-state", lambda: at("torchmetrics:MeanMetric")().state_dict())
    torch("metric-psnr", lambda: at("torchmetrics.image:PeakSignalNoiseRatio")())


def monai():
    import numpy as np

    meta = at("monai.data:MetaTensor")
    tensor = at("torch:zeros")
    torch("monai-meta", lambda: meta(tensor(1, 2, 2)))
    torch("monai-meta-dict", lambda: {"image": meta(tensor(1, 2, 2), affine=at("torch:eye")(4), meta={"filename_or_obj": "a.nii", "spatial_shape": np.array([2, 2])})})
    torch("monai-unet", lambda: at("monai.networks.nets:UNet")(2, 1, 1, (2, 4), (2,)))
    torch("monai-loss", lambda: at("monai.losses:DiceLoss")())
    torch("monai-transforms", lambda: at("monai.transforms:Compose")([at("monai.transforms:ScaleIntensity")(), at("monai.transforms:EnsureChannelFirst")()]))


def pytorch_tabnet():
    import numpy as np

    def model():
        made = at("pytorch_tabnet.tab_model:TabNetClassifier")(n_d=2, n_a=2, n_steps=1, verbose=0)
        made.fit(np.random.RandomState(0).rand(20, 3).astype("f4"), np.arange(20) % 2, max_epochs=1, batch_size=10, virtual_batch_size=5)
        return made

    put("tabnet", model)
    torch("tabnet-network", lambda: model().network.state_dict())


def timm():
    for name in ("resnet18", "vit_tiny_patch16_224", "efficientnet_b0", "convnext_atto", "swin_tiny_patch4_window7_224", "mobilenetv3_small_050", "deit_tiny_patch16_224"):
        torch("timm-" + name, lambda: at("timm:create_model")(name, pretrained=False))
    torch("timm-ema", lambda: at("timm.utils:ModelEmaV2")(at("timm:create_model")("resnet18")).state_dict())
    torch("timm-checkpoint", lambda: {"state_dict": {}, "arch": "resnet18", "epoch": 1, "args": at("argparse:Namespace")(model="resnet18", lr=0.1), "metric": 0.5})
    put("timm-config", lambda: at("timm:create_model")("resnet18").pretrained_cfg)


def fastai():
    torch("fastai-model", lambda: {"model": at("torch.nn:Linear")(1, 1).state_dict(), "opt": {"state": [], "hypers": [{"lr": 0.1}]}})
    torch("fastai-L", lambda: {"model": {}, "opt": {"hypers": at("fastcore.foundation:L")([{"lr": 0.1}])}})
    put("fastai-vocab", lambda: at("fastai.data.transforms:CategoryMap")(["a", "b"]))
    torch("fastai-image", lambda: at("fastai.torch_core:TensorImage")(at("torch:zeros")(3, 2, 2)))
    torch("fastai-category", lambda: at("fastai.torch_core:TensorCategory")(at("torch:tensor")(1)))


def torch_geometric():
    th = importlib.import_module("torch")
    data = lambda: at("torch_geometric.data:Data")(x=th.zeros(2, 3), edge_index=th.tensor([[0, 1], [1, 0]]), y=th.tensor([1]), name="g")
    torch("pyg-data", data)
    torch("pyg-list", lambda: [data(), data()])
    torch("pyg-batch", lambda: at("torch_geometric.data:Batch").from_data_list([data(), data()]))
    torch("pyg-hetero", lambda: hetero(th))
    torch("pyg-collated", lambda: at("torch_geometric.data:InMemoryDataset").collate([data(), data()]))
    torch("pyg-temporal", lambda: at("torch_geometric.data:TemporalData")(src=th.tensor([0]), dst=th.tensor([1]), t=th.tensor([1]), msg=th.zeros(1, 1)))
    torch("pyg-gcn", lambda: at("torch_geometric.nn:GCNConv")(2, 2))
    torch("pyg-model", lambda: at("torch_geometric.nn:GCN")(2, 2, 1))
    torch("pyg-gat", lambda: at("torch_geometric.nn:GATConv")(2, 2))


def hetero(th):
    data = at("torch_geometric.data:HeteroData")()
    data["a"].x = th.zeros(2, 1)
    data["a", "to", "a"].edge_index = th.tensor([[0], [1]])
    return data


def mmengine():
    torch("mm-checkpoint", lambda: {"meta": {"epoch": 1, "iter": 2, "cfg": "model = 1", "experiment_name": "x", "dataset_meta": {"classes": ("a",)}}, "state_dict": collections.OrderedDict(), "message_hub": hub()})
    torch("mm-config", lambda: at("mmengine.config:ConfigDict")({"a": {"b": 1}}))
    put("mm-instance", lambda: at("mmengine.structures:InstanceData")(bboxes=at("torch:zeros")(1, 4)))
    put("mm-data", lambda: [{"frame_dir": "a", "label": 1, "keypoint": at("numpy:zeros")((1, 2))}])


def hub():
    hub = at("mmengine.logging:MessageHub")("x")
    hub.update_scalar("train/loss", 0.5)
    return hub.state_dict()


def tensordict():
    torch("td", lambda: at("tensordict:TensorDict")({"a": at("torch:zeros")(2, 1)}, [2]))


def TTS():
    torch("xtts", lambda: {"config": at("TTS.tts.configs.xtts_config:XttsConfig")(), "model": {}})
    torch("xtts-args", lambda: at("TTS.tts.models.xtts:XttsArgs")())
    torch("vits", lambda: {"config": at("TTS.tts.configs.vits_config:VitsConfig")().to_dict(), "model": {}})


def pyannote():
    core = importlib.import_module("pyannote.core")
    put("segments", lambda: [core.Segment(0, 1), core.Timeline([core.Segment(0, 1)])])

    def annotation():
        made = core.Annotation()
        made[core.Segment(0, 1)] = "A"
        return made

    put("annotation", annotation)
    task = importlib.import_module("pyannote.audio.core.task")
    torch("pyannote", lambda: {"state_dict": {}, "hyper_parameters": {}, "pyannote.audio": {"specifications": task.Specifications(
        problem=task.Problem.BINARY_CLASSIFICATION, resolution=task.Resolution.FRAME, duration=2.0, classes=["speech"])}})


def flair():
    dictionary = at("flair.data:Dictionary")

    def made():
        kept = dictionary()
        kept.add_item("a")
        return kept

    put("flair-dictionary", made)
    put("flair-sentence", lambda: at("flair.data:Sentence")("one text"))
    torch("flair-rnn", lambda: at("flair.embeddings:DocumentRNNEmbeddings")([at("flair.embeddings:OneHotEmbeddings")(made())]))


def fairseq():
    torch("fairseq-dictionary", lambda: at("fairseq.data:Dictionary")())


def deepspeed():
    torch("ds-scaler", lambda: {"optimizer": {"loss_scaler": at("deepspeed.runtime.fp16.loss_scaler:LossScaler")(1.0), "dynamic": at("deepspeed.runtime.fp16.loss_scaler:DynamicLossScaler")()}})
    torch("ds-zero", lambda: {
        "optimizer_state_dict": {"zero_stage": 1, "partition_count": [1], "param_slice_mappings": [collections.OrderedDict(a=at("deepspeed.utils.tensor_fragment:fragment_address")(1, 0))]},
        "ds_version": "0.16.9", "ds_config": {"train_batch_size": 1}})


sections(
    interpret, lightfm, surprise, pgmpy, river, madmom, torchmetrics, monai, pytorch_tabnet, timm, fastai, torch_geometric, mmengine,
    tensordict, TTS, pyannote, flair, fairseq, deepspeed,
)
