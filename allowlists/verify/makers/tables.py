"""What stands beside scikit-learn: resampling, encoders, statistics, recommenders, graphs, networks of probabilities."""

import importlib

import numpy as np
from out import joblib, put, sections

RANDOM = np.random.RandomState(0)
X = RANDOM.rand(60, 4)
Y = (X[:, 0] > 0.5).astype(int)
R = X[:, 0] * 2 + RANDOM.rand(60) * 0.1


def frame():
    import pandas as pd

    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.array(["x", "y"])[Y], "d": np.array(["u", "v", "w"] * 20)})


def imblearn():
    from imblearn import combine, ensemble, over_sampling, pipeline, under_sampling
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    put("imb-pipeline", lambda: pipeline.Pipeline([("s", over_sampling.SMOTE()), ("m", LogisticRegression())]).fit(X, Y))
    put("imb-grid", lambda: GridSearchCV(pipeline.make_pipeline(over_sampling.SMOTE(k_neighbors=2), LogisticRegression()), {"smote__k_neighbors": [2]}, cv=2).fit(X, Y))
    put("imb-forest", lambda: ensemble.BalancedRandomForestClassifier(n_estimators=2).fit(X, Y))
    put("imb-bagging", lambda: ensemble.BalancedBaggingClassifier(n_estimators=2).fit(X, Y))
    put("imb-rus", lambda: ensemble.RUSBoostClassifier(n_estimators=2).fit(X, Y))
    put("imb-easy", lambda: ensemble.EasyEnsembleClassifier(n_estimators=2).fit(X, Y))
    for place in (over_sampling, under_sampling, combine):
        for name in place.__all__:
            def build(cls=getattr(place, name)):
                sampler = cls()
                try:
                    sampler.fit_resample(X, Y)
                except Exception:
                    pass
                return sampler
            put("imb-each-" + name, build)


def category_encoders():
    import category_encoders as ce

    for name in ce.__all__:
        put("ce-" + name, lambda name=name: getattr(ce, name)(cols=["c", "d"]).fit(frame(), Y))


def feature_engine():
    from feature_engine import creation, discretisation, encoding, imputation, outliers, selection, transformation
    from sklearn.pipeline import Pipeline

    for place in (encoding, imputation, discretisation, transformation, outliers):
        for name in place.__all__:
            def build(cls=getattr(place, name)):
                for data in (frame()[["c", "d"]], frame()[["a", "b"]], frame()):
                    try:
                        return cls().fit(data, Y)
                    except Exception:
                        continue
                return cls()
            put("fe-" + name, build)
    put("fe-drop", lambda: selection.DropFeatures(["a"]).fit(frame()))
    put("fe-constant", lambda: selection.DropConstantFeatures().fit(frame()))
    put("fe-pipeline", lambda: Pipeline([("m", imputation.MeanMedianImputer()), ("r", encoding.RareLabelEncoder(n_categories=1))]).fit(frame(), Y))
    put("fe-math", lambda: creation.MathFeatures(["a", "b"], ["sum"]).fit(frame()))


def statsmodels():
    import pandas as pd
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    series = pd.Series(R, index=pd.date_range("2020-01-01", periods=60, freq="D"))
    put("sm-ols", lambda: sm.OLS(R, sm.add_constant(X)).fit())
    put("sm-ols-frame", lambda: sm.OLS(frame().a, sm.add_constant(frame()[["b"]])).fit())
    put("sm-logit", lambda: sm.Logit(Y, X).fit(disp=0, maxiter=2))
    put("sm-glm", lambda: sm.GLM(Y, X, family=sm.families.Binomial()).fit())
    put("sm-poisson", lambda: sm.GLM(Y, X, family=sm.families.Poisson()).fit())
    put("sm-gamma", lambda: sm.GLM(R + 1, X, family=sm.families.Gamma(sm.families.links.Log())).fit())
    put("sm-wls", lambda: sm.WLS(R, X, weights=R).fit())
    put("sm-rlm", lambda: sm.RLM(R, X).fit())
    put("sm-quantile", lambda: sm.QuantReg(R, X).fit())
    put("sm-mixed", lambda: smf.mixedlm("a ~ b", frame(), groups="c").fit())
    put("sm-formula", lambda: smf.ols("a ~ b + C(c)", frame()).fit())
    put("sm-formula-np", lambda: smf.ols("a ~ np.log(b) + b:c", frame()).fit())
    put("sm-formula-square", lambda: smf.ols("a ~ b + I(b**2)", frame()).fit())
    put("sm-ordered", lambda: importlib.import_module("statsmodels.miscmodels.ordinal_model").OrderedModel(Y, X).fit(disp=0))
    put("sm-mnlogit", lambda: sm.MNLogit(np.arange(60) % 3, X).fit(disp=0))
    put("ts-arima", lambda: importlib.import_module("statsmodels.tsa.arima.model").ARIMA(series, order=(1, 1, 1)).fit())
    put("ts-arima-array", lambda: importlib.import_module("statsmodels.tsa.arima.model").ARIMA(R, order=(1, 0, 0)).fit())
    put("ts-arima-old", lambda: importlib.import_module("statsmodels.tsa.arima_model").ARIMA(series, order=(1, 0, 0)).fit(disp=0))
    put("ts-sarimax", lambda: sm.tsa.SARIMAX(series, order=(1, 0, 0), seasonal_order=(1, 0, 0, 7)).fit(disp=0, maxiter=2))
    put("ts-sarimax-exog", lambda: sm.tsa.SARIMAX(series, exog=X[:, :1], order=(1, 0, 0)).fit(disp=0, maxiter=2))
    put("ts-holt", lambda: sm.tsa.ExponentialSmoothing(series + 1, trend="add", seasonal="add", seasonal_periods=7).fit())
    put("ts-simple", lambda: sm.tsa.SimpleExpSmoothing(series).fit())
    put("ts-holt-2", lambda: sm.tsa.Holt(series).fit())
    put("ts-autoreg", lambda: importlib.import_module("statsmodels.tsa.ar_model").AutoReg(series, 1).fit())
    put("ts-var", lambda: sm.tsa.VAR(pd.DataFrame({"a": series, "b": X[:, 1]}, index=series.index)).fit(1))
    put("ts-varmax", lambda: sm.tsa.VARMAX(pd.DataFrame({"a": series, "b": X[:, 1]}, index=series.index), order=(1, 0)).fit(disp=0, maxiter=1))
    put("ts-decompose", lambda: sm.tsa.seasonal_decompose(series, period=7))
    put("ts-stl", lambda: importlib.import_module("statsmodels.tsa.seasonal").STL(series, period=7).fit())
    put("ts-unobserved", lambda: sm.tsa.UnobservedComponents(series, "local level").fit(disp=0, maxiter=1))
    put("ts-theta", lambda: importlib.import_module("statsmodels.tsa.forecasting.theta").ThetaModel(series, period=7).fit())
    put("ts-ets", lambda: importlib.import_module("statsmodels.tsa.exponential_smoothing.ets").ETSModel(series + 1).fit(disp=0))
    put("sm-pca", lambda: importlib.import_module("statsmodels.multivariate.pca").PCA(X))
    put("sm-kde", lambda: importlib.import_module("statsmodels.nonparametric.kde").KDEUnivariate(R))
    put("sm-removed", lambda: removed(sm.OLS(R, X).fit()))
    joblib("ts-arima", lambda: importlib.import_module("statsmodels.tsa.arima.model").ARIMA(series, order=(1, 0, 0)).fit())


def removed(results):
    results.remove_data()
    return results


def pmdarima():
    import pandas as pd
    import pmdarima as pm

    put("pm-auto", lambda: pm.auto_arima(R, max_p=1, max_q=1, suppress_warnings=True))
    put("pm-arima", lambda: pm.ARIMA((1, 0, 0)).fit(R))
    put("pm-seasonal", lambda: pm.ARIMA((1, 0, 0), seasonal_order=(1, 0, 0, 7)).fit(pd.Series(R, index=pd.date_range("2020-01-01", periods=60))))
    put("pm-pipeline", lambda: pm.pipeline.Pipeline([("f", pm.preprocessing.FourierFeaturizer(m=7, k=1)), ("a", pm.ARIMA((1, 0, 0)))]).fit(R))


def surprise():
    import pandas as pd
    from surprise import SVD, BaselineOnly, CoClustering, Dataset, KNNBasic, KNNWithMeans, NMF, NormalPredictor, Reader, SlopeOne, SVDpp

    ratings = pd.DataFrame({"u": [1, 1, 2, 2, 3], "i": ["a", "b", "a", "c", "b"], "r": [1, 2, 3, 4, 5]})
    data = Dataset.load_from_df(ratings, Reader(rating_scale=(1, 5)))
    train = data.build_full_trainset()
    for cls in (SVD, SVDpp, NMF, KNNBasic, KNNWithMeans, BaselineOnly, SlopeOne, CoClustering, NormalPredictor):
        put("surprise-" + cls.__name__, lambda: cls(**({"verbose": False} if "KNN" in cls.__name__ else {})).fit(train))
    put("surprise-dump", lambda: {"predictions": SVD().fit(train).test([(1, "a", 2.0)]), "algo": SVD().fit(train)})
    put("surprise-train", lambda: train)


def implicit():
    from scipy.sparse import csr_matrix

    als = importlib.import_module("implicit.als").AlternatingLeastSquares
    matrix = csr_matrix(np.eye(4, dtype="f4"))
    for place, name in (("als", "AlternatingLeastSquares"), ("bpr", "BayesianPersonalizedRanking"), ("lmf", "LogisticMatrixFactorization"), ("nearest_neighbours", "CosineRecommender"), ("nearest_neighbours", "BM25Recommender")):
        def build(place=place, name=name):
            model = getattr(importlib.import_module("implicit." + place), name)()
            model.fit(matrix, show_progress=False)
            return model
        put("implicit-" + name, build)


def lightfm():
    from lightfm import LightFM
    from lightfm.data import Dataset
    from scipy.sparse import coo_matrix

    put("lightfm", lambda: LightFM(no_components=2).fit(coo_matrix(np.eye(4, dtype="f4"))))
    put("lightfm-warp", lambda: LightFM(no_components=2, loss="warp", random_state=1).fit(coo_matrix(np.eye(4, dtype="f4"))))
    put("lightfm-data", lambda: Dataset())


def networkx():
    import networkx as nx

    put("nx-graph", lambda: nx.path_graph(3))
    put("nx-digraph", lambda: nx.DiGraph([(1, 2, {"weight": 0.5})]))
    put("nx-multi", lambda: nx.MultiDiGraph([(1, 2), (1, 2)]))
    put("nx-multigraph", lambda: nx.MultiGraph([("a", "b")]))
    put("nx-attributes", lambda: nx.Graph([(1, 2)], name="x", crs="epsg:4326"))
    put("nx-views", lambda: viewed(nx))
    put("nx-frozen", lambda: nx.freeze(nx.path_graph(3)))
    put("nx-subgraph", lambda: nx.path_graph(4).subgraph([1, 2]).copy())
    put("nx-subgraph-view", lambda: nx.path_graph(4).subgraph([1, 2]))
    put("nx-list", lambda: [nx.path_graph(2), nx.star_graph(2)])
    put("nx-layout", lambda: nx.spring_layout(nx.path_graph(3)))
    put("nx-degree", lambda: dict(nx.path_graph(3).degree()))
    put("nx-pagerank", lambda: nx.pagerank(nx.path_graph(3)))
    put("nx-ordered", lambda: nx.OrderedGraph([(1, 2)]))


def viewed(nx):
    """A graph whose views were asked for, which it keeps."""
    for graph in (nx.path_graph(3), nx.DiGraph([(1, 2)]), nx.MultiDiGraph([(1, 2)])):
        graph.nodes, graph.edges, graph.adj, graph.degree
        if graph.is_directed():
            graph.in_edges, graph.succ, graph.pred, graph.in_degree, graph.out_degree, graph.out_edges
        yield_ = graph
    return [yield_, nx.path_graph(3).nodes, nx.path_graph(3).edges, nx.path_graph(3).adj]


def pgmpy():
    models = importlib.import_module("pgmpy.models")
    network = getattr(models, "DiscreteBayesianNetwork", None) or models.BayesianNetwork

    def build():
        import pandas as pd

        model = network([("a", "b")])
        model.fit(pd.DataFrame({"a": [0, 1, 0], "b": [1, 0, 1]}))
        return model

    put("pgmpy", build)
    put("pgmpy-inference", lambda: importlib.import_module("pgmpy.inference").VariableElimination(build()))


def interpret():
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor, LogisticRegression

    put("ebm", lambda: ExplainableBoostingClassifier(max_rounds=2, outer_bags=2, n_jobs=1).fit(frame(), Y))
    put("ebm-regressor", lambda: ExplainableBoostingRegressor(max_rounds=2, outer_bags=2, n_jobs=1).fit(X, R))


def hmmlearn():
    from hmmlearn import hmm

    for name in ("GaussianHMM", "GMMHMM"):
        put("hmm-" + name, lambda: getattr(hmm, name)(n_components=2).fit(X))


def lifelines():
    import lifelines
    import pandas as pd

    data = pd.DataFrame({"x": X[:, 0], "t": R + 1, "e": Y})
    put("lifelines-cox", lambda: lifelines.CoxPHFitter().fit(data, "t", "e"))
    put("lifelines-km", lambda: lifelines.KaplanMeierFitter().fit(data.t, data.e))
    put("lifelines-weibull", lambda: lifelines.WeibullAFTFitter().fit(data, "t", "e"))


def umap():
    put("umap", lambda: importlib.import_module("umap").UMAP(n_epochs=2, n_neighbors=3).fit(X))


def hdbscan():
    put("hdbscan", lambda: importlib.import_module("hdbscan").HDBSCAN(min_cluster_size=3, prediction_data=True).fit(X))


def pyod():
    for place, name in (("iforest", "IForest"), ("knn", "KNN"), ("lof", "LOF"), ("ecod", "ECOD"), ("copod", "COPOD"), ("pca", "PCA"), ("ocsvm", "OCSVM"), ("hbos", "HBOS")):
        put("pyod-" + name, lambda: getattr(importlib.import_module("pyod.models." + place), name)().fit(X))


def prophet():
    import pandas as pd

    put("prophet", lambda: importlib.import_module("prophet").Prophet().fit(pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=60), "y": R})))


def mlxtend():
    put("mlxtend-stack", lambda: importlib.import_module("mlxtend.classifier").StackingClassifier(
        [importlib.import_module("sklearn.linear_model").LogisticRegression()], importlib.import_module("sklearn.linear_model").LogisticRegression()).fit(X, Y))


def sklearn_pandas():
    from sklearn.preprocessing import LabelBinarizer, StandardScaler

    put("sklearn-pandas", lambda: importlib.import_module("sklearn_pandas").DataFrameMapper([(["a"], StandardScaler()), ("c", LabelBinarizer())]).fit(frame()))


def skopt():
    put("skopt", lambda: importlib.import_module("skopt").BayesSearchCV(
        importlib.import_module("sklearn.svm").SVC(), {"C": (0.1, 10.0, "log-uniform")}, n_iter=2, cv=2).fit(X, Y))


def optuna():
    def study():
        study = importlib.import_module("optuna").create_study()
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), 2)
        return study

    put("optuna", study)


def shap():
    def tree():
        forest = importlib.import_module("sklearn.ensemble").RandomForestClassifier(n_estimators=2).fit(X, Y)
        return importlib.import_module("shap").TreeExplainer(forest)

    put("shap", tree)
    put("shap-values", lambda: tree()(X[:2]))


def sklearn_crfsuite():
    put("crf", lambda: importlib.import_module("sklearn_crfsuite").CRF(max_iterations=1).fit([[{"a": 1.0}]], [["x"]]))


def ngboost():
    put("ngboost", lambda: importlib.import_module("ngboost").NGBRegressor(n_estimators=1, verbose=False).fit(X, R))


def pygam():
    put("pygam", lambda: importlib.import_module("pygam").LinearGAM().fit(X, R))


def kneed():
    put("kneed", lambda: importlib.import_module("kneed").KneeLocator([1, 2, 3, 4], [10, 3, 2, 1], curve="convex", direction="decreasing"))


sections(
    imblearn, category_encoders, feature_engine, statsmodels, pmdarima, surprise, implicit, lightfm, networkx, pgmpy,
    interpret, hmmlearn, lifelines, umap, hdbscan, pyod, prophet, mlxtend, sklearn_pandas, skopt, optuna, shap,
    sklearn_crfsuite, ngboost, pygam, kneed,
)
