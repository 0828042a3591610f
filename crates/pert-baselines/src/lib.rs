//! Closed-form predictors of perturbation responses, used as baselines and as the mean of the model
