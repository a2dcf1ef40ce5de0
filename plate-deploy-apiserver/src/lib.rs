//! plate-deploy-apiserver
