CREATE TABLE audit (
	id SERIAL NOT NULL, 
	at_s DOUBLE PRECISION NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	actor VARCHAR(64) NOT NULL, 
	event VARCHAR(32) NOT NULL, 
	code VARCHAR(64), 
	PRIMARY KEY (id)
);
CREATE INDEX ix_audit_job_id ON audit (job_id);
COMMENT ON COLUMN audit.actor IS 'client id, worker or sweeper';
CREATE TABLE idempotency_keys (
	owner VARCHAR(64) NOT NULL, 
	key VARCHAR(255) NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	payload_sha256 VARCHAR(64) NOT NULL, 
	PRIMARY KEY (owner, key)
);
CREATE INDEX ix_idempotency_keys_job_id ON idempotency_keys (job_id);
CREATE TABLE jobs (
	id VARCHAR(36) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	stage VARCHAR(16), 
	progress DOUBLE PRECISION NOT NULL, 
	attempt INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	calibration TEXT NOT NULL, 
	options TEXT NOT NULL, 
	cancel_requested BOOLEAN NOT NULL, 
	token VARCHAR(36), 
	lease_expires_s DOUBLE PRECISION, 
	available_s DOUBLE PRECISION NOT NULL, 
	published_s DOUBLE PRECISION, 
	result_bundle VARCHAR(120), 
	error_code VARCHAR(64), 
	error_detail VARCHAR(300), 
	created_s DOUBLE PRECISION NOT NULL, 
	updated_s DOUBLE PRECISION NOT NULL, 
	finished_s DOUBLE PRECISION, 
	PRIMARY KEY (id)
);
CREATE INDEX jobs_by_owner ON jobs (owner, state);
CREATE INDEX jobs_by_state ON jobs (state, created_s);
COMMENT ON COLUMN jobs.version IS 'grows with every change: the ETag';
COMMENT ON COLUMN jobs.calibration IS 'contracts.Calibration as JSON';
COMMENT ON COLUMN jobs.options IS 'contracts.ReconstructOptions as JSON';
COMMENT ON COLUMN jobs.token IS 'whoever holds it may write the result';
COMMENT ON COLUMN jobs.available_s IS 'not claimed before this time';
COMMENT ON COLUMN jobs.published_s IS 'when the broker was last told';
INSERT INTO audit VALUES (1, 1795736366.433602, '00000000-0000-4000-8000-000000000001', 'local', 'submitted', NULL);
INSERT INTO audit VALUES (2, 1795736366.530272, '00000000-0000-4000-8000-000000000002', 'local', 'submitted', NULL);
INSERT INTO audit VALUES (3, 1795736366.591017, '00000000-0000-4000-8000-000000000003', 'local', 'submitted', NULL);
INSERT INTO audit VALUES (4, 1795736366.669383, '00000000-0000-4000-8000-000000000004', 'local', 'submitted', NULL);
INSERT INTO audit VALUES (5, 1795736366.757406, '00000000-0000-4000-8000-000000000005', 'local', 'submitted', NULL);
INSERT INTO audit VALUES (6, 1795736366.821439, '00000000-0000-4000-8000-000000000001', 'worker', 'claimed', NULL);
INSERT INTO audit VALUES (7, 1795736366.878993, '00000000-0000-4000-8000-000000000001', 'worker', 'succeeded', NULL);
INSERT INTO audit VALUES (8, 1795736366.909329, '00000000-0000-4000-8000-000000000002', 'worker', 'claimed', NULL);
INSERT INTO audit VALUES (9, 1795736366.95501, '00000000-0000-4000-8000-000000000002', 'worker', 'rejected', 'rejected');
INSERT INTO audit VALUES (10, 1795736366.98696, '00000000-0000-4000-8000-000000000003', 'worker', 'claimed', NULL);
INSERT INTO idempotency_keys VALUES ('local', 'key-1', '00000000-0000-4000-8000-000000000001', '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9');
INSERT INTO idempotency_keys VALUES ('local', 'key-2', '00000000-0000-4000-8000-000000000002', '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b');
INSERT INTO idempotency_keys VALUES ('local', 'key-3', '00000000-0000-4000-8000-000000000003', 'd4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35');
INSERT INTO idempotency_keys VALUES ('local', 'key-4', '00000000-0000-4000-8000-000000000004', '4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce');
INSERT INTO idempotency_keys VALUES ('local', 'key-5', '00000000-0000-4000-8000-000000000005', '4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a');
INSERT INTO jobs VALUES ('00000000-0000-4000-8000-000000000004', 'local', 'queued', NULL, 0.0, 0, 1, '{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}', '{"method":"gauss_newton"}', false, NULL, NULL, 1795736366.657437, NULL, NULL, NULL, NULL, 1795736366.657446, 1795736366.657447, NULL);
INSERT INTO jobs VALUES ('00000000-0000-4000-8000-000000000005', 'local', 'queued', NULL, 0.0, 0, 1, '{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}', '{"method":"gauss_newton"}', false, NULL, NULL, 1795736366.73747, NULL, NULL, NULL, NULL, 1795736366.737482, 1795736366.737483, NULL);
INSERT INTO jobs VALUES ('00000000-0000-4000-8000-000000000001', 'local', 'succeeded', NULL, 1.0, 1, 3, '{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}', '{"method":"gauss_newton"}', false, NULL, NULL, 1795736366.401699, NULL, 'artifacts/00000000-0000-4000-8000-000000000001/1-c9f7a39d', NULL, NULL, 1795736366.40177, 1795736366.877994, 1795736366.878004);
INSERT INTO jobs VALUES ('00000000-0000-4000-8000-000000000002', 'local', 'rejected', NULL, 0.0, 1, 3, '{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}', '{"method":"gauss_newton"}', false, NULL, NULL, 1795736366.509448, NULL, NULL, 'rejected', 'not a spine', 1795736366.509458, 1795736366.94997, 1795736366.949979);
INSERT INTO jobs VALUES ('00000000-0000-4000-8000-000000000003', 'local', 'running', 'register', 0.5, 1, 3, '{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}', '{"method":"gauss_newton"}', false, 'edd7581e-8a2a-42c9-bf05-3171e5c1d053', 1795736427.041919, 1795736366.584705, NULL, NULL, NULL, NULL, 1795736366.584716, 1795736367.041929, NULL);
SELECT setval('audit_id_seq', 10);
