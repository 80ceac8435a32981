"""What tutorials have people store of forty libraries, three files each where there are three."""

import argparse
import collections
import functools
import importlib

from out import joblib, put, sections, torch as torched


def at(name):
    module, _, rest = name.partition(":")
    value = importlib.import_module(module)
    return functools.reduce(getattr, rest.split("."), value) if rest else value


def table(rows=60):
    import numpy as np

    random = np.random.RandomState(0)
    return random.rand(rows, 3), np.arange(rows) % 2


def frame():
    import pandas as pd

    x, y = table()
    made = pd.DataFrame(x, columns=["a", "b", "c"])
    made["kind"] = ["u", "v", "w"] * 20
    made["y"] = y
    return made


def sklearn():
    x, y = table()
    forest = lambda: at("sklearn.ensemble:RandomForestClassifier")(n_estimators=3).fit(x, y)
    put("model", forest)
    joblib("scaler", lambda: at("sklearn.preprocessing:StandardScaler")().fit(x))
    put("label-encoder", lambda: at("sklearn.preprocessing:LabelEncoder")().fit(["a", "b"]))
    put("vectorizer", lambda: at("sklearn.feature_extraction.text:TfidfVectorizer")(stop_words="english").fit(["one text", "two texts"]))
    put("bundle", lambda: {"model": forest(), "features": ["a", "b", "c"], "metrics": {"accuracy": at("sklearn.metrics:accuracy_score")(y, y)}})

    def pipeline():
        numbers = at("sklearn.pipeline:make_pipeline")(at("sklearn.impute:SimpleImputer")(), at("sklearn.preprocessing:StandardScaler")())
        columns = at("sklearn.compose:ColumnTransformer")([
            ("numbers", numbers, ["a", "b"]), ("kinds", at("sklearn.preprocessing:OneHotEncoder")(handle_unknown="ignore"), ["kind"]),
            ("log", at("sklearn.preprocessing:FunctionTransformer")(at("numpy:log1p")), ["c"])])
        steps = [("columns", columns), ("model", at("sklearn.linear_model:LogisticRegression")())]
        return at("sklearn.pipeline:Pipeline")(steps).fit(frame(), y)

    joblib("pipeline", pipeline)
    put("calibrated", lambda: at("sklearn.calibration:CalibratedClassifierCV")(at("sklearn.svm:LinearSVC")(), cv=3).fit(x, y))
    learners = lambda: [("a", at("sklearn.tree:DecisionTreeClassifier")()), ("b", at("sklearn.naive_bayes:GaussianNB")())]
    put("voting", lambda: at("sklearn.ensemble:VotingClassifier")(learners(), voting="soft").fit(x, y))
    put("stacking", lambda: at("sklearn.ensemble:StackingClassifier")(learners(), cv=3).fit(x, y))
    put("search", lambda: at("sklearn.model_selection:GridSearchCV")(at("sklearn.svm:SVC")(), {"C": [1, 2]}, cv=3, scoring="f1").fit(x, y))
    put("neighbours", lambda: at("sklearn.neighbors:NearestNeighbors")(metric="cosine", algorithm="brute").fit(x))


def pandas():
    put("frame", frame)
    put("similarity", lambda: frame()[["a", "b"]].T.corr().values)
    put("movies", lambda: frame().to_dict())
    put("counts", lambda: frame().groupby("kind")["a"].mean())
    put("transformer", lambda: at("sklearn.preprocessing:FunctionTransformer")(at("pandas:get_dummies")))


def numpy():
    import numpy as np

    put("arrays", lambda: {"x": np.zeros((2, 3)), "y": np.array(["a"], dtype=object), "mean": np.float32(1)})
    put("encodings", lambda: {"encodings": [np.zeros(128)], "names": ["a"]})
    put("q-table", lambda: collections.defaultdict(float, {((1, 2), 0): np.float64(0.5)}))


def scipy():
    import numpy as np

    put("sparse", lambda: at("scipy.sparse:csr_matrix")(np.eye(3)))
    put("spline", lambda: at("scipy.interpolate:CubicSpline")([0.0, 1, 2], [0.0, 1, 4]))
    put("fit", lambda: at("scipy.optimize:minimize")(np.sum, np.ones(2), options={"maxiter": 1}))
    put("test", lambda: at("scipy.stats:ttest_ind")([1.0, 2, 3], [2.0, 3, 5]))


def torch():
    network = lambda: at("torch.nn:Sequential")(at("torch.nn:Linear")(3, 4), at("torch.nn:ReLU")(), at("torch.nn:Linear")(4, 2))
    torched("state", lambda: network().state_dict())
    torched("network", network)

    def checkpoint():
        model = network()
        optimizer = at("torch.optim:AdamW")(model.parameters())
        schedule = at("torch.optim.lr_scheduler:OneCycleLR")(optimizer, 0.1, total_steps=10)
        return {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": schedule.state_dict(),
                "args": argparse.Namespace(lr=0.1, data="x"), "best": at("torch:tensor")(0.5), "vocab": {"a": 0}}

    torched("checkpoint", checkpoint)
    torched("dataset", lambda: at("torch.utils.data:TensorDataset")(at("torch:zeros")(2, 2)))


def xgboost():
    x, y = table()
    put("xgb", lambda: at("xgboost:XGBClassifier")(n_estimators=2).fit(x, y))
    put("xgb-regressor", lambda: at("xgboost:XGBRegressor")(n_estimators=2).fit(x, y))
    put("xgb-booster", lambda: at("xgboost:train")({}, at("xgboost:DMatrix")(x, y), 2))


def lightgbm():
    x, y = table()
    put("lgbm", lambda: at("lightgbm:LGBMClassifier")(n_estimators=2, verbose=-1).fit(x, y))
    put("lgbm-regressor", lambda: at("lightgbm:LGBMRegressor")(n_estimators=2, verbose=-1).fit(x, y))
    put("lgbm-booster", lambda: at("lightgbm:train")({"verbose": -1}, at("lightgbm:Dataset")(x, y), 2))


def catboost():
    x, y = table()
    put("cat", lambda: at("catboost:CatBoostClassifier")(iterations=2, verbose=0, allow_writing_files=False).fit(x, y))
    put("cat-regressor", lambda: at("catboost:CatBoostRegressor")(iterations=2, verbose=0, allow_writing_files=False).fit(x, y))


def imblearn():
    x, y = table()
    put("smote", lambda: at("imblearn.over_sampling:SMOTE")(random_state=0))
    put("balanced", lambda: at("imblearn.pipeline:Pipeline")([("s", at("imblearn.over_sampling:SMOTE")()), ("m", at("sklearn.svm:SVC")())]).fit(x, y))
    put("balanced-forest", lambda: at("imblearn.ensemble:BalancedRandomForestClassifier")(n_estimators=2).fit(x, y))


def category_encoders():
    for kind in ("TargetEncoder", "OrdinalEncoder", "BinaryEncoder"):
        put("ce-" + kind, lambda: at("category_encoders:" + kind)(cols=["kind"]).fit(frame()[["kind"]], frame()["y"]))


def statsmodels():
    import numpy as np

    put("ols", lambda: at("statsmodels.api:OLS")(table()[1] * 1.0, table()[0]).fit())
    put("arima", lambda: at("statsmodels.tsa.arima.model:ARIMA")(np.arange(30.0), order=(1, 1, 1)).fit())
    put("smoothing", lambda: at("statsmodels.tsa.holtwinters:ExponentialSmoothing")(np.arange(1.0, 30), trend="add").fit())


def nltk():
    put("nb", lambda: at("nltk:NaiveBayesClassifier").train([({"a": True}, "x"), ({"a": False}, "y")]))
    put("chat", lambda: at("nltk.chat.util:Chat")([["my name is (.*)", ["Hello %1"]], ["(.*)", ["What?"]]], at("nltk.chat.util:reflections")))
    put("frequencies", lambda: at("nltk:FreqDist")(["a", "b", "a"]))


def networkx():
    put("graph", lambda: at("networkx:karate_club_graph")())
    put("digraph", lambda: at("networkx:DiGraph")([(1, 2), (2, 3)]))
    put("road", lambda: at("networkx:MultiDiGraph")([(1, 2, {"length": 1.5, "name": "a"})]))


def igraph():
    put("igraph", lambda: at("igraph:Graph").Ring(4))
    put("igraph-attributes", lambda: at("igraph:Graph")(edges=[(0, 1)], vertex_attrs={"name": ["a", "b"]}, edge_attrs={"weight": [0.5]}))


def geopandas():
    point = lambda: at("shapely.geometry:Point")(1, 2)
    put("geo", lambda: at("geopandas:GeoDataFrame")({"a": [1]}, geometry=[point()], crs="EPSG:4326"))
    put("geo-series", lambda: at("geopandas:GeoSeries")([point()]))
    put("shape", lambda: [point(), at("shapely.geometry:Polygon")([(0, 0), (1, 0), (1, 1)])])


def xarray():
    import numpy as np

    put("xarray", lambda: at("xarray:DataArray")(np.zeros((2, 2)), dims=("x", "y"), coords={"x": [1, 2]}, name="t"))
    put("xarray-dataset", lambda: at("xarray:Dataset")({"t": ("x", np.zeros(2))}))


def shap():
    x, y = table()
    tree = lambda: at("sklearn.tree:DecisionTreeClassifier")(max_depth=2).fit(x, y)
    put("shap-explainer", lambda: at("shap:TreeExplainer")(tree()))
    put("shap-values", lambda: at("shap:TreeExplainer")(tree()).shap_values(x))
    put("shap-explanation", lambda: at("shap:TreeExplainer")(tree())(x))


def mlxtend():
    x, y = table()
    put("stack", lambda: at("mlxtend.classifier:StackingClassifier")([at("sklearn.naive_bayes:GaussianNB")()], at("sklearn.linear_model:LogisticRegression")()).fit(x, y))
    put("transactions", lambda: at("mlxtend.preprocessing:TransactionEncoder")().fit([["a", "b"], ["a"]]))
    put("rules", lambda: at("mlxtend.frequent_patterns:apriori")(frame()[["y"]].astype(bool), use_colnames=True))


def pyod():
    x, _ = table()
    for kind in ("iforest:IForest", "knn:KNN", "ecod:ECOD", "lof:LOF", "hbos:HBOS", "copod:COPOD"):
        put("pyod-" + kind.split(":")[1], lambda: at("pyod.models." + kind)().fit(x))


def pygam():
    x, y = table()
    put("gam", lambda: at("pygam:LogisticGAM")().fit(x, y))
    put("gam-linear", lambda: at("pygam:LinearGAM")().fit(x, y))


def tslearn():
    import numpy as np

    x = np.random.RandomState(0).rand(6, 8, 1)
    put("series-means", lambda: at("tslearn.clustering:TimeSeriesKMeans")(n_clusters=2, max_iter=2).fit(x))
    put("series-scaler", lambda: at("tslearn.preprocessing:TimeSeriesScalerMeanVariance")())
    put("series-neighbours", lambda: at("tslearn.neighbors:KNeighborsTimeSeriesClassifier")(n_neighbors=1).fit(x, np.arange(6) % 2))


def umap():
    put("umap", lambda: at("umap:UMAP")(n_neighbors=5, n_epochs=2).fit(table()[0]))


def hdbscan():
    put("hdbscan", lambda: at("hdbscan:HDBSCAN")(min_cluster_size=5).fit(table()[0]))
    put("hdbscan-prediction", lambda: at("hdbscan:HDBSCAN")(min_cluster_size=5, prediction_data=True).fit(table()[0]))


def lifetimes():
    put("lifetimes", lambda: at("lifetimes:BetaGeoFitter")(penalizer_coef=0.1).fit([1, 2, 3, 1], [2.0, 3, 5, 1], [6.0, 6, 6, 6]))
    put("lifetimes-gamma", lambda: at("lifetimes:GammaGammaFitter")(penalizer_coef=0.1).fit([1, 2, 3, 1], [2.0, 3, 5, 1]))


def lifelines():
    put("cox", lambda: at("lifelines:CoxPHFitter")(penalizer=0.1).fit(frame()[["a", "b", "y"]], "a", "y"))
    put("kaplan", lambda: at("lifelines:KaplanMeierFitter")().fit([1.0, 2, 3], [1, 0, 1]))


def pgmpy():
    network = lambda: at("pgmpy.models:BayesianNetwork")([("a", "b")])
    data = lambda: at("pandas:DataFrame")({"a": [0, 1, 0, 1], "b": [0, 1, 1, 1]})

    def fitted():
        model = network()
        model.fit(data())
        return model

    put("network", fitted)
    put("network-inference", lambda: at("pgmpy.inference:VariableElimination")(fitted()))
    put("network-table", lambda: at("pgmpy.factors.discrete:TabularCPD")("a", 2, [[0.5], [0.5]]))


def surprise():
    rows = {"u": [1, 1, 2, 2], "i": [1, 2, 1, 2], "r": [1, 2, 3, 4]}
    data = at("surprise:Dataset").load_from_df(at("pandas:DataFrame")(rows), at("surprise:Reader")(rating_scale=(1, 5))).build_full_trainset()
    for kind in ("SVD", "KNNBasic", "NMF"):
        put("surprise-" + kind, lambda: at("surprise:" + kind)().fit(data))


def implicit():
    import numpy as np

    ratings = at("scipy.sparse:csr_matrix")(np.eye(4))
    put("als", lambda: fit(at("implicit.als:AlternatingLeastSquares")(factors=2, iterations=1), ratings))
    put("bpr", lambda: fit(at("implicit.bpr:BayesianPersonalizedRanking")(factors=2, iterations=1), ratings))


def fit(model, *data):
    model.fit(*data)
    return model


def deap():
    put("toolbox", lambda: at("deap.tools:Logbook")())
    put("hall", lambda: at("deap.tools:HallOfFame")(3))


def optuna():
    def study():
        made = at("optuna:create_study")()
        made.optimize(functools.partial(objective), n_trials=2)
        return made

    put("study", study)
    put("best", lambda: study().best_params)
    put("trial", lambda: study().best_trial)


def objective(trial):
    return trial.suggest_float("x", 0, 1)


def textblob():
    put("blob", lambda: at("textblob:TextBlob")("one text"))


def gensim():
    texts = [["one", "text"], ["two", "texts"]]
    put("dictionary", lambda: at("gensim.corpora:Dictionary")(texts))
    put("words", lambda: at("gensim.models:Word2Vec")(texts, vector_size=4, min_count=1))
    put("lda", lambda: at("gensim.models:LdaModel")([[(0, 1)]], id2word={0: "a"}, num_topics=2))


def hmmlearn():
    put("hmm", lambda: at("hmmlearn.hmm:GaussianHMM")(n_components=2, n_iter=2).fit(table()[0]))


def kmodes():
    put("kmodes", lambda: at("kmodes.kmodes:KModes")(n_clusters=2, n_init=1).fit(table()[1].reshape(-1, 1)))


def rank_bm25():
    put("bm25", lambda: at("rank_bm25:BM25Okapi")([["one", "text"], ["two"]]))


def sktime():
    put("naive", lambda: at("sktime.forecasting.naive:NaiveForecaster")().fit(frame()["a"]))


def gplearn():
    put("symbolic", lambda: at("gplearn.genetic:SymbolicRegressor")(population_size=20, generations=1).fit(*table()))


def skopt():
    put("space", lambda: at("skopt.space:Real")(0.1, 1.0))


def jax():
    put("jax", lambda: {"w": at("jax.numpy:zeros")(3)})


def matplotlib():
    put("colours", lambda: at("matplotlib.colors:Normalize")(0, 1))


def plotly():
    put("plotly", lambda: at("plotly.graph_objects:Figure")(data=[{"y": [1, 2]}]))


def sympy():
    put("sympy", lambda: at("sympy:Symbol")("x") ** 2 + 1)


sections(
    sklearn, pandas, numpy, scipy, torch, xgboost, lightgbm, catboost, imblearn, category_encoders, statsmodels, nltk, networkx, igraph,
    geopandas, xarray, shap, mlxtend, pyod, pygam, tslearn, umap, hdbscan, lifetimes, lifelines, pgmpy, surprise, implicit, deap, optuna,
    textblob, gensim, hmmlearn, kmodes, rank_bm25, sktime, gplearn, skopt, jax, matplotlib, plotly, sympy,
)
