BEGIN TRANSACTION;
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at_s DOUBLE NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	actor VARCHAR(64) NOT NULL, 
	event VARCHAR(32) NOT NULL, 
	code VARCHAR(64), 
	PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,1.79573635760698032378e+09,'00000000-0000-4000-8000-000000000001','local','submitted',NULL);
INSERT INTO "audit" VALUES(2,1.79573635764801788333e+09,'00000000-0000-4000-8000-000000000002','local','submitted',NULL);
INSERT INTO "audit" VALUES(3,1795736357.67598,'00000000-0000-4000-8000-000000000003','local','submitted',NULL);
INSERT INTO "audit" VALUES(4,1.79573635771198868746e+09,'00000000-0000-4000-8000-000000000004','local','submitted',NULL);
INSERT INTO "audit" VALUES(5,1.79573635773999094964e+09,'00000000-0000-4000-8000-000000000005','local','submitted',NULL);
INSERT INTO "audit" VALUES(6,1.79573635777801132199e+09,'00000000-0000-4000-8000-000000000001','worker','claimed',NULL);
INSERT INTO "audit" VALUES(7,1.79573635781599140167e+09,'00000000-0000-4000-8000-000000000001','worker','succeeded',NULL);
INSERT INTO "audit" VALUES(8,1.79573635783498144146e+09,'00000000-0000-4000-8000-000000000002','worker','claimed',NULL);
INSERT INTO "audit" VALUES(9,1.79573635785900068279e+09,'00000000-0000-4000-8000-000000000002','worker','rejected','rejected');
INSERT INTO "audit" VALUES(10,1.79573635788800859457e+09,'00000000-0000-4000-8000-000000000003','worker','claimed',NULL);
CREATE TABLE idempotency_keys (
	owner VARCHAR(64) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	payload_sha256 VARCHAR(64) NOT NULL, 
	PRIMARY KEY (owner, "key")
);
INSERT INTO "idempotency_keys" VALUES('local','key-1','00000000-0000-4000-8000-000000000001','5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9');
INSERT INTO "idempotency_keys" VALUES('local','key-2','00000000-0000-4000-8000-000000000002','6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b');
INSERT INTO "idempotency_keys" VALUES('local','key-3','00000000-0000-4000-8000-000000000003','d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35');
INSERT INTO "idempotency_keys" VALUES('local','key-4','00000000-0000-4000-8000-000000000004','4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce');
INSERT INTO "idempotency_keys" VALUES('local','key-5','00000000-0000-4000-8000-000000000005','4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a');
CREATE TABLE jobs (
	id VARCHAR(36) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	stage VARCHAR(16), 
	progress DOUBLE NOT NULL, 
	attempt INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	calibration TEXT NOT NULL, 
	options TEXT NOT NULL, 
	cancel_requested BOOLEAN NOT NULL, 
	token VARCHAR(36), 
	lease_expires_s DOUBLE, 
	available_s DOUBLE NOT NULL, 
	published_s DOUBLE, 
	result_bundle VARCHAR(120), 
	error_code VARCHAR(64), 
	error_detail VARCHAR(300), 
	created_s DOUBLE NOT NULL, 
	updated_s DOUBLE NOT NULL, 
	finished_s DOUBLE, 
	PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES('00000000-0000-4000-8000-000000000001','local','succeeded',NULL,1.0,1,3,'{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}','{"method":"gauss_newton"}',0,NULL,NULL,1.7957363576050088406e+09,NULL,'artifacts/00000000-0000-4000-8000-000000000001/1-e61d73d9',NULL,NULL,1.7957363576050088406e+09,1.79573635781599140167e+09,1.79573635781599140167e+09);
INSERT INTO "jobs" VALUES('00000000-0000-4000-8000-000000000002','local','rejected',NULL,0.0,1,3,'{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}','{"method":"gauss_newton"}',0,NULL,NULL,1.79573635764701223377e+09,NULL,NULL,'rejected','not a spine',1.79573635764701223377e+09,1.79573635785900068279e+09,1.79573635785900068279e+09);
INSERT INTO "jobs" VALUES('00000000-0000-4000-8000-000000000003','local','running','register',0.5,1,3,'{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}','{"method":"gauss_newton"}',0,'cfc6bfc2-3e55-436b-9220-6b7e56e5cadd',1.79573641791500520706e+09,1.79573635767501449582e+09,NULL,NULL,NULL,NULL,1.79573635767501449582e+09,1.79573635791500520707e+09,NULL);
INSERT INTO "jobs" VALUES('00000000-0000-4000-8000-000000000004','local','queued',NULL,0.0,0,1,'{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}','{"method":"gauss_newton"}',0,NULL,NULL,1.79573635771098279951e+09,NULL,NULL,NULL,NULL,1.79573635771098279951e+09,1.79573635771098279951e+09,NULL);
INSERT INTO "jobs" VALUES('00000000-0000-4000-8000-000000000005','local','queued',NULL,0.0,0,1,'{"version":"1.0","world_frame":"x_anterior_y_left_z_up_mm","ap":{"type":"geometry","source_mm":[1000.0,0.0,0.0],"detector_origin_mm":[-300.0,-214.82999999999998,214.82999999999998],"detector_u_axis":[0.0,1.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"},"lat":{"type":"geometry","source_mm":[0.0,-1000.0,0.0],"detector_origin_mm":[-214.82999999999998,300.0,214.82999999999998],"detector_u_axis":[1.0,0.0,0.0],"detector_v_axis":[0.0,0.0,-1.0],"pixel_spacing_mm":[0.42,0.42],"columns":1024,"rows":1024,"photometric_interpretation":"MONOCHROME2"}}','{"method":"gauss_newton"}',0,NULL,NULL,1.79573635773898506165e+09,NULL,NULL,NULL,NULL,1.79573635773898506165e+09,1.79573635773898506165e+09,NULL);
CREATE INDEX jobs_by_state ON jobs (state, created_s);
CREATE INDEX jobs_by_owner ON jobs (owner, state);
CREATE INDEX ix_idempotency_keys_job_id ON idempotency_keys (job_id);
CREATE INDEX ix_audit_job_id ON audit (job_id);
COMMIT;
