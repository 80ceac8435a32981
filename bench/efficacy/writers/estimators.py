"""scikit-learn and what is built like it: every estimator of the release that fits plain data, pipelines, searches."""

import importlib
import inspect
import os

import numpy as np
from out import by, have, joblib, put, sections, seed

draw = np.random.RandomState(seed("estimators").randint(0, 2**31))
X = draw.rand(40, 4)
Y = (X[:, 0] + X[:, 1] > 1).astype(int)
R = X[:, 0] * 2 + X[:, 2]


def every():
    """Estimators of the packages that scikit-learn names: its own lister needs pytest in some releases."""
    import sklearn
    from sklearn.base import BaseEstimator

    found = {}
    for package in sklearn.__all__:
        try:
            part = importlib.import_module("sklearn." + package)
        except ImportError:
            continue
        for name, kind in vars(part).items():
            if inspect.isclass(kind) and issubclass(kind, BaseEstimator) and hasattr(kind, "fit"):
                found[name] = kind
    return sorted((name, kind) for name, kind in found.items() if not inspect.isabstract(kind))


def smaller(kind):
    """Arguments that keep a model small, as far as it takes them."""
    known = inspect.signature(kind.__init__).parameters
    wanted = {
        "n_estimators": 3,
        "max_iter": 20,
        "n_components": 2,
        "n_clusters": 2,
        "random_state": 0,
        "cv": 2,
        "n_jobs": 1,
        "max_depth": 3,
    }
    given = {key: value for key, value in wanted.items() if key in known}
    if kind.__module__.startswith("sklearn.covariance"):
        given.pop("max_iter", None)
    return given


def fitted(kind):
    """The estimator after `fit` with the first data and arguments that it takes."""
    from sklearn.linear_model import LogisticRegression

    inner, given, texts = LogisticRegression(), smaller(kind), ["good film", "bad food"] * 5
    ways = [
        lambda: kind(**given).fit(np.abs(X), Y),
        lambda: kind(**given).fit(np.abs(X), R),
        lambda: kind(**given).fit(np.abs(X)),
        lambda: kind(**given).fit(np.abs(X), np.stack([R, R], 1)),
        lambda: kind(inner, **given).fit(X, Y),
        lambda: kind(inner, **given).fit(X, np.stack([Y, 1 - Y], 1)),
        lambda: kind([("one", inner)]).fit(X, Y),
        lambda: kind().fit(texts),
    ]
    for way in ways[:-1]:
        try:
            return way()
        except Exception:
            continue
    return ways[-1]()


def sklearn():
    for name, kind in every():
        style = seed(name).choice(["pickle", "pickle", "joblib"])
        if style == "joblib":
            joblib("sk-" + name, "sklearn", lambda: fitted(kind))
        else:
            put(
                "sk-" + name,
                "sklearn",
                lambda: fitted(kind),
                None if seed(name).random() < 0.2 else [seed(name).choice([2, 3, 4, 4, 4])],
            )
    around()


def around():
    from sklearn.decomposition import PCA
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

    texts, labels = ["good film", "bad film", "fine food", "poor food"] * 5, ["pos", "neg"] * 10
    makes = {
        "text": lambda: make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, labels),
        "bayes": lambda: make_pipeline(CountVectorizer(ngram_range=(1, 2)), MultinomialNB()).fit(texts, labels),
        "scaled": lambda: make_pipeline(StandardScaler(), PCA(2), LogisticRegression()).fit(X, Y),
        "union": lambda: make_pipeline(
            FeatureUnion([("p", PCA(2)), ("s", StandardScaler())]), LogisticRegression()
        ).fit(X, Y),
        "grid": lambda: GridSearchCV(RandomForestClassifier(n_estimators=2), {"max_depth": [2, 3]}, cv=2).fit(X, Y),
        "dict": lambda: {
            "model": GradientBoostingClassifier(n_estimators=3).fit(X, Y),
            "columns": list("abcd"),
            "scaler": StandardScaler().fit(X),
        },
        "labels": lambda: LabelEncoder().fit(labels),
        "hot": lambda: OneHotEncoder().fit([["a"], ["b"]]),
        "tuple": lambda: (TfidfVectorizer().fit(texts), LogisticRegression().fit(X, Y)),
    }
    if have("sklearn.compose"):
        from sklearn.compose import ColumnTransformer

        makes["columns"] = lambda: make_pipeline(
            ColumnTransformer([("s", StandardScaler(), [0, 1]), ("p", PCA(1), [2, 3])]), LogisticRegression()
        ).fit(X, Y)
    for name, make in makes.items():
        put("sk-around-" + name, "sklearn", make)
        joblib("sk-around-" + name, "sklearn", make)


def boosters(prefix, library, makes):
    for name, make in makes.items():
        put("%s-%s" % (prefix, name), library, make)
        joblib("%s-%s" % (prefix, name), library, make)


def in_pipeline(model):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model).fit(X, Y)


def xgboost():
    import xgboost as xgb

    boosters(
        "xgb",
        "xgboost",
        {
            "classifier": lambda: xgb.XGBClassifier(n_estimators=3).fit(X, Y),
            "regressor": lambda: xgb.XGBRegressor(n_estimators=3).fit(X, R),
            "booster": lambda: xgb.train({"max_depth": 2}, xgb.DMatrix(X, Y), 3),
            "pipeline": lambda: in_pipeline(xgb.XGBClassifier(n_estimators=3)),
            "forest": lambda: xgb.XGBRFClassifier(n_estimators=3).fit(X, Y),
            "ranker": lambda: xgb.XGBRanker(n_estimators=3).fit(X, Y, group=[20, 20]),
        },
    )


def lightgbm():
    import lightgbm as lgb

    boosters(
        "lgb",
        "lightgbm",
        {
            "classifier": lambda: lgb.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y),
            "regressor": lambda: lgb.LGBMRegressor(n_estimators=3).fit(X, R),
            "booster": lambda: lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(X, Y), 3),
            "pipeline": lambda: in_pipeline(lgb.LGBMClassifier(n_estimators=3)),
        },
    )


def catboost():
    import catboost

    quiet = {"iterations": 3, "verbose": False, "allow_writing_files": False}
    boosters(
        "cat",
        "catboost",
        {
            "classifier": lambda: catboost.CatBoostClassifier(**quiet).fit(X, Y),
            "regressor": lambda: catboost.CatBoostRegressor(**quiet).fit(X, R),
        },
    )


def imblearn():
    from imblearn.ensemble import BalancedRandomForestClassifier, EasyEnsembleClassifier
    from imblearn.over_sampling import SMOTE, RandomOverSampler
    from imblearn.pipeline import make_pipeline
    from imblearn.under_sampling import RandomUnderSampler
    from sklearn.linear_model import LogisticRegression

    boosters(
        "imb",
        "imblearn",
        {
            "smote": lambda: make_pipeline(SMOTE(k_neighbors=2), LogisticRegression()).fit(X, Y),
            "forest": lambda: BalancedRandomForestClassifier(3).fit(X, Y),
            "over": lambda: make_pipeline(RandomOverSampler(), LogisticRegression()).fit(X, Y),
            "easy": lambda: EasyEnsembleClassifier(3).fit(X, Y),
            "under": lambda: make_pipeline(RandomUnderSampler(), LogisticRegression()).fit(X, Y),
        },
    )


def category_encoders():
    import category_encoders as ce
    import pandas as pd

    frame = pd.DataFrame({"a": list("xyzx") * 10, "b": X[:, 0]})
    for kind in (
        "OneHotEncoder",
        "TargetEncoder",
        "OrdinalEncoder",
        "BinaryEncoder",
        "HashingEncoder",
        "LeaveOneOutEncoder",
        "CountEncoder",
    ):
        put("ce-" + kind, "category_encoders", lambda: getattr(ce, kind)(cols=["a"]).fit(frame, pd.Series(Y)))


def statsmodels():
    import statsmodels.api as sm

    put("sm-ols", "statsmodels", lambda: sm.OLS(R, sm.add_constant(X)).fit())
    put("sm-logit", "statsmodels", lambda: sm.Logit(draw.randint(0, 2, 40), sm.add_constant(X[:, :1])).fit(disp=0))
    put("sm-glm", "statsmodels", lambda: sm.GLM(Y, X, family=sm.families.Binomial()).fit())
    put("sm-arima", "statsmodels", lambda: sm.tsa.ARIMA(R, order=(1, 0, 0)).fit())
    by("sm-saved.pickle", "pickle", "statsmodels", lambda: sm.OLS(R, X).fit(), lambda value, path: value.save(path))


def hmmlearn():
    from hmmlearn import hmm

    put("hmm-gaussian", "hmmlearn", lambda: hmm.GaussianHMM(2, n_iter=3).fit(X))
    put("hmm-mixture", "hmmlearn", lambda: hmm.GMMHMM(2, n_iter=3).fit(X))


def lifelines():
    from lifelines import KaplanMeierFitter, WeibullFitter

    put("life-km", "lifelines", lambda: KaplanMeierFitter().fit(R, Y))
    put("life-weibull", "lifelines", lambda: WeibullFitter().fit(R + 0.1, Y))


def rank_bm25():
    import rank_bm25

    put("bm25", "rank_bm25", lambda: rank_bm25.BM25Okapi([["a", "b"], ["b", "c"]]))
    put("bm25-plus", "rank_bm25", lambda: rank_bm25.BM25Plus([["a", "b"], ["b", "c"]]))


def kmodes():
    from kmodes.kmodes import KModes

    put("kmodes", "kmodes", lambda: KModes(2, n_init=1).fit(np.array([["a", "b"], ["c", "d"]] * 5)))


def implicit():
    from implicit.als import AlternatingLeastSquares
    from scipy import sparse

    def fit():
        model = AlternatingLeastSquares(factors=4, iterations=2, use_gpu=False)
        model.fit(sparse.csr_matrix(np.eye(6)), show_progress=False)
        return model

    put("implicit-als", "implicit", fit)


os.environ["OPENBLAS_NUM_THREADS"] = "1"
sections(
    xgboost,
    lightgbm,
    catboost,
    imblearn,
    category_encoders,
    statsmodels,
    hmmlearn,
    lifelines,
    rank_bm25,
    kmodes,
    implicit,
    sklearn,
)
