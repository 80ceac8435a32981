"""Models of XGBoost, LightGBM and CatBoost, alone and inside what scikit-learn makes of them."""

import importlib
import pickle

import numpy as np
from out import joblib, put

X = np.random.RandomState(0).rand(60, 4)
Y = (X[:, 0] > 0.5).astype(int)
R = X[:, 0] * 2


def frame():
    import pandas as pd

    return pd.DataFrame(X, columns=list("abcd"))


def around(prefix, classifier, regressor):
    """What people build around an estimator."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import VotingClassifier
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
    from sklearn.multioutput import MultiOutputRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    put(prefix + "-pipeline", lambda: Pipeline([("s", StandardScaler()), ("m", classifier())]).fit(X, Y))
    put(prefix + "-grid", lambda: GridSearchCV(classifier(), {"max_depth": [2, 3]}, cv=2).fit(X, Y))
    put(prefix + "-random", lambda: RandomizedSearchCV(
        regressor(), {"max_depth": [2, 3]}, n_iter=1, cv=2, random_state=0).fit(X, R))
    put(prefix + "-voting", lambda: VotingClassifier([("m", classifier())], voting="soft").fit(X, Y))
    put(prefix + "-calibrated", lambda: CalibratedClassifierCV(classifier(), cv=2).fit(X, Y))
    put(prefix + "-multi", lambda: MultiOutputRegressor(regressor()).fit(X, np.stack([R, R], 1)))
    put(prefix + "-dict", lambda: {"model": classifier().fit(X, Y), "features": list("abcd"), "threshold": np.float64(0.5)})
    joblib(prefix, lambda: classifier().fit(X, Y))


def xgboost():
    import xgboost as xgb

    put("xgb-classifier", lambda: xgb.XGBClassifier(n_estimators=2).fit(X, Y))
    put("xgb-classifier-2", lambda: xgb.XGBClassifier(n_estimators=2).fit(X, Y), 2)
    put("xgb-multi", lambda: xgb.XGBClassifier(n_estimators=2).fit(X, np.arange(60) % 3))
    put("xgb-frame", lambda: xgb.XGBClassifier(n_estimators=2).fit(frame(), Y))
    put("xgb-regressor", lambda: xgb.XGBRegressor(n_estimators=2).fit(X, R))
    put("xgb-ranker", lambda: xgb.XGBRanker(n_estimators=2).fit(X, Y, group=[30, 30]))
    put("xgb-rf", lambda: xgb.XGBRFClassifier(n_estimators=2).fit(X, Y))
    put("xgb-booster", lambda: xgb.train({"max_depth": 2}, xgb.DMatrix(X, Y), 2))
    put("xgb-booster-2", lambda: xgb.train({"max_depth": 2}, xgb.DMatrix(X, Y), 2), 2)
    put("xgb-eval", lambda: xgb.XGBClassifier(n_estimators=3).fit(X, Y, eval_set=[(X, Y)], verbose=False))
    put("xgb-early", lambda: xgb.XGBClassifier(n_estimators=3, early_stopping_rounds=2).fit(
        X, Y, eval_set=[(X, Y)], verbose=False))
    put("xgb-early-fit", lambda: xgb.XGBClassifier(n_estimators=3).fit(
        X, Y, eval_set=[(X, Y)], verbose=False, early_stopping_rounds=2))
    put("xgb-callback", lambda: xgb.XGBClassifier(
        n_estimators=3, callbacks=[xgb.callback.EarlyStopping(2, save_best=True)]).fit(X, Y, eval_set=[(X, Y)], verbose=False))
    put("xgb-scheduler", lambda: xgb.XGBClassifier(
        n_estimators=3, callbacks=[xgb.callback.LearningRateScheduler([0.1, 0.2, 0.3])]).fit(X, Y))
    put("xgb-unfitted", lambda: xgb.XGBClassifier(n_estimators=2))
    put("xgb-gblinear", lambda: xgb.XGBRegressor(booster="gblinear", n_estimators=2).fit(X, R))
    put("xgb-metric", lambda: xgb.XGBClassifier(n_estimators=2, eval_metric=importlib.import_module(
        "sklearn.metrics").log_loss).fit(X, Y))
    around("xgb", lambda: xgb.XGBClassifier(n_estimators=2), lambda: xgb.XGBRegressor(n_estimators=2))


def lightgbm():
    import lightgbm as lgb

    data = lambda: lgb.Dataset(X, Y)
    put("lgb-classifier", lambda: lgb.LGBMClassifier(n_estimators=2).fit(X, Y))
    put("lgb-classifier-2", lambda: lgb.LGBMClassifier(n_estimators=2).fit(X, Y), 2)
    put("lgb-text", lambda: lgb.LGBMClassifier(n_estimators=2).fit(X, np.array(["a", "b"])[Y]))
    put("lgb-frame", lambda: lgb.LGBMClassifier(n_estimators=2).fit(frame(), Y))
    put("lgb-categories", lambda: lgb.LGBMRegressor(n_estimators=2).fit(
        frame().assign(e=importlib.import_module("pandas").Categorical(Y)), R))
    put("lgb-regressor", lambda: lgb.LGBMRegressor(n_estimators=2).fit(X, R))
    put("lgb-ranker", lambda: lgb.LGBMRanker(n_estimators=2).fit(X, Y, group=[30, 30]))
    put("lgb-booster", lambda: lgb.train({"objective": "binary", "verbose": -1}, data(), 2))
    put("lgb-valid", lambda: lgb.train({"objective": "binary", "verbose": -1}, data(), 2, valid_sets=[data()]))
    put("lgb-eval", lambda: lgb.LGBMClassifier(n_estimators=3).fit(X, Y, eval_set=[(X, Y)]))
    put("lgb-cv", lambda: lgb.cv({"objective": "binary", "verbose": -1}, data(), 2, return_cvbooster=True))
    put("lgb-unfitted", lambda: lgb.LGBMClassifier())
    put("lgb-dart", lambda: lgb.LGBMClassifier(boosting_type="dart", n_estimators=2, class_weight="balanced").fit(X, Y))
    around("lgb", lambda: lgb.LGBMClassifier(n_estimators=2), lambda: lgb.LGBMRegressor(n_estimators=2))


def catboost():
    import catboost as cb

    few = {"iterations": 2, "verbose": False, "allow_writing_files": False}
    put("cat-classifier", lambda: cb.CatBoostClassifier(**few).fit(X, Y))
    put("cat-classifier-2", lambda: cb.CatBoostClassifier(**few).fit(X, Y), 2)
    put("cat-regressor", lambda: cb.CatBoostRegressor(**few).fit(X, R))
    put("cat-plain", lambda: cb.CatBoost({**few, "loss_function": "RMSE"}).fit(X, R))
    put("cat-frame", lambda: cb.CatBoostClassifier(**few).fit(frame(), Y))
    put("cat-eval", lambda: cb.CatBoostClassifier(**few).fit(X, Y, eval_set=(X, Y)))
    put("cat-features", lambda: cb.CatBoostClassifier(**few, cat_features=[0]).fit(np.array([["a", 1], ["b", 2]] * 30), Y))
    put("cat-pool", lambda: cb.Pool(X, Y))
    put("cat-unfitted", lambda: cb.CatBoostClassifier(**few))
    put("cat-ranker", lambda: cb.CatBoostRanker(**few).fit(X, Y, group_id=np.arange(60) // 10))
    around("cat", lambda: cb.CatBoostClassifier(**few), lambda: cb.CatBoostRegressor(**few))


for section in (xgboost, lightgbm, catboost):
    try:
        importlib.import_module(section.__name__)
    except ImportError:
        continue
    section()
