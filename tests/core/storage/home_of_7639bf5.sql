PRAGMA application_id = 1181708903;
PRAGMA user_version = 6;
BEGIN TRANSACTION;
CREATE TABLE artifacts (
        run_id text not null references runs (id),
        name text not null,
        file text not null,
        primary key (run_id, name)
    );
INSERT INTO "artifacts" VALUES('194ac9516308','per_class','f65625ff478c8fcd3173c69ffcd7ea60e932aadf1235db2abb2f700f581bb95f.parquet');
INSERT INTO "artifacts" VALUES('194ac9516308','confusion','36f3cc1ffd6c93cad0319f15aa2e3939ff453690fe6b3779fc3903d555bca12c.parquet');
INSERT INTO "artifacts" VALUES('194ac9516308','layers','ca8ff1f68243ee2112ca459ca87afd8fb615643e2d4ce9e9bfdc54d48c8752be.parquet');
INSERT INTO "artifacts" VALUES('194ac9516308','examples','7af316bf63e3dfb2fed803743a5f8d837724ac618b4ccee16b3545ae2951f618.parquet');
INSERT INTO "artifacts" VALUES('194ac9516308','cka','670456071f11b766eca3d3ccecc4b2190e0b394a64d2199500fa46a53674ff21.parquet');
INSERT INTO "artifacts" VALUES('194ac9516308','relearn','1630ccc322ed890fb7d10ce14033ae729a253379a15da4b8c7139803c1d190e4.parquet');
INSERT INTO "artifacts" VALUES('194ac9516308','probes','fda59723e31c2fbad0a5748709d7a69575df0a2821e6245fe6a0ecaa944b10b4.parquet');
INSERT INTO "artifacts" VALUES('194ac9516308','graft','14957e7a9532016f4052dfb3b2f17f0737ef389b60cb757a887f994a1d74beb9.parquet');
INSERT INTO "artifacts" VALUES('194ac9516308','answers','7eb0d2f2cae2295918ac54db30b661a30199f5641f885c0e8d7ca2a681583789.safetensors');
INSERT INTO "artifacts" VALUES('194ac9516308','touched','3d5ea8f2bcb2cd0608320d930e744e2d9b5dd977b4481277a5652aac1f4e404a.safetensors');
INSERT INTO "artifacts" VALUES('194ac9516308','unlearned','1b7e6bea63d8a356d56097881570ec5322451aeb8653939cf511c090ee98412b.safetensors');
INSERT INTO "artifacts" VALUES('194ac9516308','recorded','08b6e2a6e3c57243395341b625e7416b1097042c56c20f79b8adabe346fb320d.safetensors');
INSERT INTO "artifacts" VALUES('194ac9516308','original','2f46efdaf3265a4cf33826af593adfd8053b2d65c23fa4ffdd3f9880ba9e1504.safetensors');
INSERT INTO "artifacts" VALUES('194ac9516308','reference','ec49ef1ac1f536847d29b55bf2727b2a630a443606be5359e042ecb5c455f0d6.safetensors');
INSERT INTO "artifacts" VALUES('194ac9516308','statistic/ImportanceStatistic-16e73170d4f0','39453b4a915990ecdfdcea0f5a2a04cd4116afcd8ebd64768356922cc2135f6a.safetensors');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','per_class','f65625ff478c8fcd3173c69ffcd7ea60e932aadf1235db2abb2f700f581bb95f.parquet');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','confusion','4efd02e0e3c15a7e6b364b83f887ff14446dc38bde0c7349983920a6e251b256.parquet');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','layers','d97dd521217b8bc8aca5847a1512a55114b9b89906626b12bfea0f92bba9e24a.parquet');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','examples','331673ee6d3fae00ddfee6834530728f24b0fe40ac50e0e1ee5c3f2c8e099092.parquet');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','cka','4dbeafa9da5cf3111d439db2d4da00203dddb79a4531e154781301ac8cf3d027.parquet');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','relearn','e0473d3851c8e84d22f068c111bd11180d0465d269bd0825e644e6b0f4813665.parquet');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','probes','b554df62dfa74beb60aa0763d550fd8116d5405a3048e14a95276f9dccd1bfbb.parquet');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','graft','5fe84dfc30b4deaedd4520b8f4d2d3b426c5d28d580632afc83ac81855fe5540.parquet');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','answers','829225ee089aab26b7afa2ce593401bb57009673134392577c7a5c536e0ca4bb.safetensors');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','touched','2163ba1ef961a7211f4b18a332bc8a9425db5ae41f7a607a1b4667625cb147e2.safetensors');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','unlearned','0ec6a14b006763acd9facc41c3a4bfa1d9f90049a0ad67086cd3ac25cd3efe7d.safetensors');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','original','2f46efdaf3265a4cf33826af593adfd8053b2d65c23fa4ffdd3f9880ba9e1504.safetensors');
INSERT INTO "artifacts" VALUES('9e4edf0c24b1','reference','ec49ef1ac1f536847d29b55bf2727b2a630a443606be5359e042ecb5c455f0d6.safetensors');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','per_class','5e43b0ec378577774ea2c06c33a61a62d5aab52041520b0703bbcc975de99357.parquet');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','confusion','d0a9d3cbf68a97a2a631fb871034df23ba41f12752f5f17e42650383a647b390.parquet');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','layers','df30c727753b7ddda4b68e898c9bc80065b15c621d88dc227d745ba29a5c7d59.parquet');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','examples','170bfde4f835fa26c7773655f1e737bc6bd3932928ba4db8061afefd47d9b7d3.parquet');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','cka','e3e688dbfb2a74d45aaa8b3044e5cf322bb4ae36669235ab66fb95359d96b6e9.parquet');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','relearn','888840a9cf5b2caed4633acf4641330fb6d44c9e34d18897be0af3adfadf86c1.parquet');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','probes','72de9c219e575610956de41dcbd752c12515a33d9edf2767244b9e04e965cacf.parquet');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','graft','e2b04f82a413fa8e0807da06914e15bc177da2b94955b38c8b5a8212781deec6.parquet');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','answers','6a95cc4d02a4daebb0cd6708a8c580b69f8f2fa5a1b21db5e76ffa0fd36168a9.safetensors');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','touched','ec6000349cb4f5e57dadca15b8592fc2bef3d06eda3ee237e9f7f96b4a0ae8a0.safetensors');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','unlearned','794ad591dabe5c606e20f9a84a3281ff3ad952bfc28f1f4d3591ad8214388b9e.safetensors');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','recorded','71771a3fda090ec8b31cf9089530a715870cda251c5bd437f7703afa011ae4d6.safetensors');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','original','2f46efdaf3265a4cf33826af593adfd8053b2d65c23fa4ffdd3f9880ba9e1504.safetensors');
INSERT INTO "artifacts" VALUES('0c07f00ca29a','reference','ec49ef1ac1f536847d29b55bf2727b2a630a443606be5359e042ecb5c455f0d6.safetensors');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','per_class','f01b180c4f43b84d09bf6286b2034e4435cf736343bf952005ba8e0b13204d25.parquet');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','confusion','214ffe8cfcc8ca4bc9e3a0b0c6ed838acdbea6a8988163ba4d8c35f50cc7ac2c.parquet');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','layers','ffea9f9a6f8bf5d6bad87f5442aec623f2c09242278ef2fe71155bb14e91b9ff.parquet');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','examples','41fa2e3c10b6e933d4c9ec3a721251d0d58e36801bd772cf89046f04509be134.parquet');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','cka','c80bcca383e86a370e1879e9f965af53f9a97625dd1700837adc8f99fde9f943.parquet');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','relearn','f9cea303de587269e5320f68417261606f3079bf649cfbaa532fe4101ef5016f.parquet');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','probes','dad82365e08cdbe87c5fa6e50162ca9854597a8688561f6f4abb0341cf613d31.parquet');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','graft','a27b8c21a4ae2b09e8db5dae13164940c1a9fb667e8def34cf7a6608f6e61ab3.parquet');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','answers','4e01a771f13d60d67cbec456f0b73720674c6cb7a5c97d83419a0acb099bb5ba.safetensors');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','touched','bff6b8bd0a0df44817caedfbc70974492677e7c209ff76b6d353017f7749e282.safetensors');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','unlearned','6b12eedf2f904f47c9c8dc43b19de1e4836be307ccac22141d296933e9ec151d.safetensors');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','recorded','3a381c3b48f25d78a1da5502a1f9c5ce09c9b58184e77bb1542e0b3d9d74da25.safetensors');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','original','2f46efdaf3265a4cf33826af593adfd8053b2d65c23fa4ffdd3f9880ba9e1504.safetensors');
INSERT INTO "artifacts" VALUES('1cc7b1fcc8e3','reference','ec49ef1ac1f536847d29b55bf2727b2a630a443606be5359e042ecb5c455f0d6.safetensors');
CREATE TABLE companions (
        run_id text not null,                      -- who asked for the run also asked
        companion text not null,                   -- for this one, which is for nothing without it (its second reference, say)
        primary key (run_id, companion)
    );
INSERT INTO "companions" VALUES('194ac9516308','9e4edf0c24b1');
CREATE TABLE finished_revision (value integer not null);
INSERT INTO "finished_revision" VALUES(4);
CREATE TABLE kept (
        key text primary key,
        kind text not null,
        file text not null,
        seconds real not null,
        created_at text not null
    );
INSERT INTO "kept" VALUES('3024248bd74ee755ec5649324e22c5350eddc7d5720d8c1fae3f96303f37666e','original','2f46efdaf3265a4cf33826af593adfd8053b2d65c23fa4ffdd3f9880ba9e1504.safetensors',2.54024824400039506144e+00,'2026-11-29T08:45:56.229+00:00');
INSERT INTO "kept" VALUES('38de992f9c39629321222f2194f0006199bbdd122bd7481b7d3ead5a1b8d0f52','reference','ec49ef1ac1f536847d29b55bf2727b2a630a443606be5359e042ecb5c455f0d6.safetensors',6.2505373009989853017e+00,'2026-11-29T08:46:02.483+00:00');
INSERT INTO "kept" VALUES('0918cd4496cf772881caaf75f3a4b6b2aadc2efe5e074f1e67b8f20a4dd648d6','statistic','39453b4a915990ecdfdcea0f5a2a04cd4116afcd8ebd64768356922cc2135f6a.safetensors',0.288127830997837,'2026-11-29T08:46:02.787+00:00');
INSERT INTO "kept" VALUES('e0f4e802caab1e027181c97a393c5a4666ebcae70711c4cf987e8f2ece12418b','answers@668b4f2a0cb4','ba2d4c41575f713d9b0221ad18e96eecf48ef7c5511114cc2963c3f08f372e55.safetensors',1.01525517999107250943e-01,'2026-11-29T08:46:02.933+00:00');
INSERT INTO "kept" VALUES('bac59e0215d0d334ad0a532377dac76a558f7ad78ece15c4f2b62bd3c9644eb4','answers@668b4f2a0cb4','a0686e610533da9e53a537dfce94224c6796f5dfe1a344fadf10076971cfcb3a.safetensors',4.69297900017409119755e-02,'2026-11-29T08:46:03.040+00:00');
INSERT INTO "kept" VALUES('30f06e4b5665e088fc724d96ed769c00615d383b0a2c0d3bb39dfebaf1192088','found@668b4f2a0cb4','22ec5a19bed30bc77746d3f542235343b846e851c1fa9dc0e0569bcb8f2e7359.safetensors',0.0,'2026-11-29T08:46:05.407+00:00');
CREATE TABLE measurements (
        run_id text not null references runs (id),
        metric text not null,
        model text not null,
        value real,
        reason text not null default '',
        primary key (run_id, metric, model)
    );
INSERT INTO "measurements" VALUES('194ac9516308','test_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','test_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','test_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','test_retain_accuracy','original',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','test_retain_accuracy','unlearned',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','test_retain_accuracy','reference',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','train_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','train_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','train_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','train_retain_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','train_retain_accuracy','unlearned',1.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','train_retain_accuracy','reference',1.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','truth_accuracy','original',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('194ac9516308','truth_accuracy','unlearned',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('194ac9516308','truth_accuracy','reference',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('194ac9516308','js_to_reference','original',6.68051688764051410096e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','js_to_reference','unlearned',1.18046673066434529286e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','js_to_reference_test','original',6.60357970191913362656e-02,'');
INSERT INTO "measurements" VALUES('194ac9516308','js_to_reference_test','unlearned',1.22191748528287860708e-02,'');
INSERT INTO "measurements" VALUES('194ac9516308','activation_distance','original',1.23169976759906019125e+00,'');
INSERT INTO "measurements" VALUES('194ac9516308','activation_distance','unlearned',3.92775029771036565673e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','average_gap','original',4.40476190476190465616e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','average_gap','unlearned',3.40136054421768694797e-03,'');
INSERT INTO "measurements" VALUES('194ac9516308','tow','original',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','tow','unlearned',1.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','tow_attack','original',2.38095238095238137532e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','tow_attack','unlearned',9.86394557823129236595e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','cka_forget_to_reference','original',7.1448525841564691774e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','cka_forget_to_reference','unlearned',7.53444561457675132665e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','cka_retain_to_reference','original',0.959551692950419,'');
INSERT INTO "measurements" VALUES('194ac9516308','cka_retain_to_reference','unlearned',9.60842186649902840755e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','forget_entropy','original',4.97925508436611041762e-02,'');
INSERT INTO "measurements" VALUES('194ac9516308','forget_entropy','unlearned',1.3726859392537644755e+00,'');
INSERT INTO "measurements" VALUES('194ac9516308','forget_entropy','reference',9.20481258610826524879e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','zrf','original',4.84331306214499490714e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','zrf','unlearned',7.79188595542735673582e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','zrf','reference',6.84898561278166395638e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','similarity_ratio','unlearned',4.79616306954577190785e-03,'');
INSERT INTO "measurements" VALUES('194ac9516308','relearn_steps','original',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','relearn_steps','unlearned',6.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','relearn_steps','reference',20.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','anamnesis_index','original',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','anamnesis_index','unlearned',0.3,'');
INSERT INTO "measurements" VALUES('194ac9516308','anamnesis_index','reference',1.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','probe_accuracy','original',9.86111111111111160454e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','probe_accuracy','unlearned',9.86111111111111160454e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','probe_accuracy','reference',9.50617283950617286691e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','graft_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','graft_forget_accuracy','unlearned',9.16666666666666629659e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','graft_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_loss_accuracy','original',0.5625,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_loss_accuracy','unlearned',0.5375,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_loss_accuracy','reference',0.575,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_auc','original',0.541005291005291,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_auc','unlearned',5.83900226757369522623e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_auc','reference',0.559901738473167,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_tpr_at_10','original',4.76190476190476164042e-02,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_tpr_at_10','unlearned',1.90476190476190465616e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_tpr_at_10','reference',1.15646258503401364037e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_tpr_at_1','original',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('194ac9516308','attack_tpr_at_1','unlearned',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('194ac9516308','attack_tpr_at_1','reference',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('194ac9516308','attack_entropy_members','original',7.75510204081632625872e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_entropy_members','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('194ac9516308','attack_entropy_members','reference',1.36054421768707477918e-02,'');
INSERT INTO "measurements" VALUES('194ac9516308','nomus','original',9.3595679012345678327e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','nomus','unlearned',9.60956790123456805474e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','nomus','reference',9.23456790123456827679e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','worst_case_min','original',1.4997159896980960525e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','worst_case_min','unlearned',4.87371787090356445304e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','worst_case_max','original',3.51994823514417687349e-02,'');
INSERT INTO "measurements" VALUES('194ac9516308','worst_case_max','unlearned',9.05155855201855708003e-02,'');
INSERT INTO "measurements" VALUES('194ac9516308','parameter_distance','unlearned',1.65791406899184728951e-01,'');
INSERT INTO "measurements" VALUES('194ac9516308','parameter_distance','reference',1.15760290457387515772e+00,'');
INSERT INTO "measurements" VALUES('194ac9516308','parameter_distance_to_reference','original',1.19363680553080730994e+00,'');
INSERT INTO "measurements" VALUES('194ac9516308','parameter_distance_to_reference','unlearned',1.17685313688145942734e+00,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','test_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','test_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','test_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','test_retain_accuracy','original',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','test_retain_accuracy','unlearned',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','test_retain_accuracy','reference',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','train_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','train_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','train_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','train_retain_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','train_retain_accuracy','unlearned',1.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','train_retain_accuracy','reference',1.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','truth_accuracy','original',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','truth_accuracy','unlearned',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','truth_accuracy','reference',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','js_to_reference','original',6.68051688764051410096e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','js_to_reference','unlearned',4.08793544804464045738e-02,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','js_to_reference_test','original',6.60357970191913362656e-02,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','js_to_reference_test','unlearned',6.22175307438775204021e-03,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','activation_distance','original',1.23169976759906019125e+00,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','activation_distance','unlearned',2.22576705034737032384e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','average_gap','original',4.40476190476190465616e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','average_gap','unlearned',3.40136054421768694797e-03,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','tow','original',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','tow','unlearned',1.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','tow_attack','original',2.38095238095238137532e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','tow_attack','unlearned',9.86394557823129236595e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','cka_forget_to_reference','original',7.1448525841564691774e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','cka_forget_to_reference','unlearned',8.4264268003180331501e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','cka_retain_to_reference','original',0.959551692950419,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','cka_retain_to_reference','unlearned',9.51567779806168134726e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','forget_entropy','original',4.97925508436611041762e-02,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','forget_entropy','unlearned',1.01056973219065282521e+00,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','forget_entropy','reference',9.20481258610826524879e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','zrf','original',4.84331306214499490714e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','zrf','unlearned',7.03737183182197467701e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','zrf','reference',6.84898561278166395638e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','similarity_ratio','unlearned',0.522781774580337,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','relearn_steps','original',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','relearn_steps','unlearned',45.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','relearn_steps','reference',20.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','anamnesis_index','original',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','anamnesis_index','unlearned',2.25,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','anamnesis_index','reference',1.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','probe_accuracy','original',9.86111111111111160454e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','probe_accuracy','unlearned',8.87345679012345733838e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','probe_accuracy','reference',9.50617283950617286691e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','graft_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','graft_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','graft_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_loss_accuracy','original',0.5625,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_loss_accuracy','unlearned',0.5,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_loss_accuracy','reference',0.575,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_auc','original',0.541005291005291,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_auc','unlearned',5.38926681783824634841e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_auc','reference',0.559901738473167,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_tpr_at_10','original',4.76190476190476164042e-02,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_tpr_at_10','unlearned',9.52380952380952328084e-02,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_tpr_at_10','reference',1.15646258503401364037e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_tpr_at_1','original',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_tpr_at_1','unlearned',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_tpr_at_1','reference',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_entropy_members','original',7.75510204081632625872e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_entropy_members','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','attack_entropy_members','reference',1.36054421768707477918e-02,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','nomus','original',9.3595679012345678327e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','nomus','unlearned',9.9845679012345678327e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','nomus','reference',9.23456790123456827679e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','worst_case_min','original',1.4997159896980960525e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','worst_case_min','unlearned',8.04020368523906348023e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','worst_case_max','original',3.51994823514417687349e-02,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','worst_case_max','unlearned',3.27792813593440479635e-01,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','parameter_distance','unlearned',1.40342212644650587982e+00,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','parameter_distance','reference',1.15760290457387515772e+00,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','parameter_distance_to_reference','original',1.19363680553080730994e+00,'');
INSERT INTO "measurements" VALUES('9e4edf0c24b1','parameter_distance_to_reference','unlearned',1.42987733390244553532e+00,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','test_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','test_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','test_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','test_retain_accuracy','original',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','test_retain_accuracy','unlearned',9.90740740740740699621e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','test_retain_accuracy','reference',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','train_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','train_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','train_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','train_retain_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','train_retain_accuracy','unlearned',9.90697674418604679047e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','train_retain_accuracy','reference',1.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','truth_accuracy','original',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('0c07f00ca29a','truth_accuracy','unlearned',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('0c07f00ca29a','truth_accuracy','reference',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('0c07f00ca29a','js_to_reference','original',6.68051688764051410096e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','js_to_reference','unlearned',1.06965384131257709721e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','js_to_reference_test','original',6.60357970191913362656e-02,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','js_to_reference_test','unlearned',0.0161191673081046,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','activation_distance','original',1.23169976759906019125e+00,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','activation_distance','unlearned',3.96921068205798477368e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','average_gap','original',4.40476190476190465616e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','average_gap','unlearned',7.27015181610973434955e-03,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','tow','original',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','tow','unlearned',9.84582256675279876567e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','tow_attack','original',2.38095238095238137532e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','tow_attack','unlearned',9.71186579713711473083e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','cka_forget_to_reference','original',7.1448525841564691774e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','cka_forget_to_reference','unlearned',6.86098419171463524968e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','cka_retain_to_reference','original',0.959551692950419,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','cka_retain_to_reference','unlearned',9.3454119041295680148e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','forget_entropy','original',4.97925508436611041762e-02,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','forget_entropy','unlearned',6.12620373325169831346e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','forget_entropy','reference',9.20481258610826524879e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','zrf','original',4.84331306214499490714e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','zrf','unlearned',6.0540081888752728112e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','zrf','reference',6.84898561278166395638e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','similarity_ratio','unlearned',1.43884892086329679861e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','relearn_steps','original',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','relearn_steps','unlearned',7.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','relearn_steps','reference',20.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','anamnesis_index','original',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','anamnesis_index','unlearned',0.35,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','anamnesis_index','reference',1.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','probe_accuracy','original',9.86111111111111160454e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','probe_accuracy','unlearned',9.69135802469135776426e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','probe_accuracy','reference',9.50617283950617286691e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','graft_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','graft_forget_accuracy','unlearned',3.88888888888888895056e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','graft_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_loss_accuracy','original',0.5625,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_loss_accuracy','unlearned',0.55,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_loss_accuracy','reference',0.575,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_auc','original',0.541005291005291,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_auc','unlearned',5.96938775510204133745e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_auc','reference',0.559901738473167,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_tpr_at_10','original',4.76190476190476164042e-02,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_tpr_at_10','unlearned',3.19727891156462606936e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_tpr_at_10','reference',1.15646258503401364037e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_tpr_at_1','original',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_tpr_at_1','unlearned',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_tpr_at_1','reference',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_entropy_members','original',7.75510204081632625872e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_entropy_members','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','attack_entropy_members','reference',1.36054421768707477918e-02,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','nomus','original',9.3595679012345678327e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','nomus','unlearned',9.45370370370370305401e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','nomus','reference',9.23456790123456827679e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','worst_case_min','original',1.4997159896980960525e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','worst_case_min','unlearned',4.64151219489324695643e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','worst_case_max','original',3.51994823514417687349e-02,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','worst_case_max','unlearned',1.12113417780723811922e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','parameter_distance','unlearned',7.06977453018389656591e-01,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','parameter_distance','reference',1.15760290457387515772e+00,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','parameter_distance_to_reference','original',1.19363680553080730994e+00,'');
INSERT INTO "measurements" VALUES('0c07f00ca29a','parameter_distance_to_reference','unlearned',1.45083560911428022244e+00,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','test_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','test_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','test_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','test_retain_accuracy','original',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','test_retain_accuracy','unlearned',9.9382716049382713308e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','test_retain_accuracy','reference',9.9691358024691356654e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','train_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','train_forget_accuracy','unlearned',0.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','train_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','train_retain_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','train_retain_accuracy','unlearned',9.94573643410852747948e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','train_retain_accuracy','reference',1.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','truth_accuracy','original',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','truth_accuracy','unlearned',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','truth_accuracy','reference',NULL,'This request gave no image a wrong label, so its labels are the truth.');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','js_to_reference','original',6.68051688764051410096e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','js_to_reference','unlearned',0.0903369731381736,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','js_to_reference_test','original',6.60357970191913362656e-02,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','js_to_reference_test','unlearned',1.14830478659957036652e-02,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','activation_distance','original',1.23169976759906019125e+00,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','activation_distance','unlearned',3.14086391295264055756e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','average_gap','original',4.40476190476190465616e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','average_gap','unlearned',2.40223432180796503399e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','tow','original',0.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','tow','unlearned',9.91503971671930384168e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','tow_attack','original',2.38095238095238137532e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','tow_attack','unlearned',4.72144748415205470215e-02,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','cka_forget_to_reference','original',7.1448525841564691774e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','cka_forget_to_reference','unlearned',7.78078904074476440655e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','cka_retain_to_reference','original',0.959551692950419,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','cka_retain_to_reference','unlearned',9.54466507239392192296e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','forget_entropy','original',4.97925508436611041762e-02,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','forget_entropy','unlearned',6.61229143607542702021e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','forget_entropy','reference',9.20481258610826524879e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','zrf','original',4.84331306214499490714e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','zrf','unlearned',6.20604529289886519549e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','zrf','reference',6.84898561278166395638e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','similarity_ratio','unlearned',4.31654676258995256832e-02,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','relearn_steps','original',0.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','relearn_steps','unlearned',6.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','relearn_steps','reference',20.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','anamnesis_index','original',0.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','anamnesis_index','unlearned',0.3,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','anamnesis_index','reference',1.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','probe_accuracy','original',9.86111111111111160454e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','probe_accuracy','unlearned',9.69135802469135776426e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','probe_accuracy','reference',9.50617283950617286691e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','graft_forget_accuracy','original',1.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','graft_forget_accuracy','unlearned',6.11111111111111160454e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','graft_forget_accuracy','reference',0.0,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_loss_accuracy','original',0.5625,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_loss_accuracy','unlearned',0.6125,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_loss_accuracy','reference',0.575,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_auc','original',0.541005291005291,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_auc','unlearned',6.48904006046863268686e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_auc','reference',0.559901738473167,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_tpr_at_10','original',4.76190476190476164042e-02,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_tpr_at_10','unlearned',3.12925170068027225234e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_tpr_at_10','reference',1.15646258503401364037e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_tpr_at_1','original',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_tpr_at_1','unlearned',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_tpr_at_1','reference',NULL,'1 % of 36 unseen examples is less than one; this rate needs at least 100.');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_entropy_members','original',7.75510204081632625872e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_entropy_members','unlearned',9.65986394557823091489e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','attack_entropy_members','reference',1.36054421768707477918e-02,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','nomus','original',9.3595679012345678327e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','nomus','unlearned',8.84413580246913522131e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','nomus','reference',9.23456790123456827679e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','worst_case_min','original',1.4997159896980960525e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','worst_case_min','unlearned',5.47239124615803373963e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','worst_case_max','original',3.51994823514417687349e-02,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','worst_case_max','unlearned',1.07408716140748650147e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','parameter_distance','unlearned',7.98804730272974272686e-01,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','parameter_distance','reference',1.15760290457387515772e+00,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','parameter_distance_to_reference','original',1.19363680553080730994e+00,'');
INSERT INTO "measurements" VALUES('1cc7b1fcc8e3','parameter_distance_to_reference','unlearned',1.51468835426777603814e+00,'');
CREATE TABLE revision (value integer not null);
INSERT INTO "revision" VALUES(165);
CREATE TABLE runs (
        id text primary key,
        spec text not null,
        status text not null,
        attempt integer not null default 1,
        turn integer not null,                     -- order of asking, whatever the clock does
        slot text not null default 'default',      -- one run at a time per slot
        share real not null default 0,             -- in [0, 1]
        stage text not null default '',
        note text not null default '',
        seconds_left real,
        cancel_requested integer not null default 0,
        created_at text not null,
        started_at text,
        finished_at text,
        supervisor_pid integer,
        supervisor_started real,
        worker_pid integer,
        worker_started real,
        device text not null default '',
        error text not null default '',
        seconds text not null default '{}',        -- JSON: stage -> seconds
        speedup real
    , alone integer not null default 0, served integer, limit_seconds real, oom_kills integer);
INSERT INTO "runs" VALUES('194ac9516308','{"dataset": "digits", "device": "", "engine": "668b4f2a0cb4", "method": "ssd", "model": "small_cnn", "params": {"alpha": 4.2, "batch_size": 64, "importance": "per_sample", "lambda": 1.0}, "reference": true, "request": {"amount": 0.0, "column": "", "kind": "class", "picks": [3], "seed": 0}, "seed": 0, "weights": "", "weights_as": ""}','done',1,1,'default',1.0,'evaluate','measured',NULL,0,'2026-11-29T08:45:50.185+00:00','2026-11-29T08:45:53.583+00:00','2026-11-29T08:46:05.408+00:00',27817,2.98490199999809265127e+04,27850,2.98583199999332427991e+04,'cpu','','{"train": 2.540248244000395, "reference": 6.250537300998985, "precompute": 0.288127830997837, "unlearn": 0.0312878559998353, "evaluate": 2.583710675000475}',1.99775187569000820531e+02,1,1,NULL,0);
INSERT INTO "runs" VALUES('9e4edf0c24b1','{"dataset": "digits", "device": "", "engine": "668b4f2a0cb4", "method": "retrain", "model": "small_cnn", "params": {}, "reference": true, "request": {"amount": 0.0, "column": "", "kind": "class", "picks": [3], "seed": 0}, "seed": 0, "weights": "", "weights_as": ""}','done',1,2,'default',1.0,'evaluate','measured',NULL,0,'2026-11-29T08:45:50.197+00:00','2026-11-29T08:46:05.479+00:00','2026-11-29T08:46:11.089+00:00',27817,2.98490199999809265127e+04,28026,2.98702400000095367425e+04,'cpu','','{"train": 0.0, "reference": 0.0, "precompute": 0.0, "unlearn": 3.2519491340026434, "evaluate": 2.099149519999628}',1.92208950491963759255e+00,0,2,NULL,0);
INSERT INTO "runs" VALUES('0c07f00ca29a','{"dataset": "digits", "device": "", "engine": "668b4f2a0cb4", "method": "aru", "model": "small_cnn", "params": {"attack_rate": 0.00784313725490196, "attack_steps": 7, "batch_size": 64, "epochs": 1, "learning_rate": 0.05, "mask": "aru", "norm_mode": "train", "radius": 0.03137254901960784, "reset": "init", "share": 0.5}, "reference": true, "request": {"amount": 0.0, "column": "", "kind": "class", "picks": [3], "seed": 0}, "seed": 0, "weights": "", "weights_as": ""}','done',1,3,'default',1.0,'evaluate','measured',NULL,0,'2026-11-29T08:46:12.550+00:00','2026-11-29T08:46:12.592+00:00','2026-11-29T08:46:14.099+00:00',27817,2.98490199999809265127e+04,28047,2.98773399999141693102e+04,'cpu','','{"train": 0.0, "reference": 0.0, "precompute": 0.0, "unlearn": 0.40216112900088774, "evaluate": 0.8960498630003713}',1.5542370582973939364e+01,1,3,NULL,0);
INSERT INTO "runs" VALUES('1cc7b1fcc8e3','{"dataset": "digits", "device": "", "engine": "668b4f2a0cb4", "method": "aru", "model": "small_cnn", "params": {"attack_rate": 0.00784313725490196, "attack_steps": 7, "batch_size": 64, "epochs": 1, "learning_rate": 0.05, "mask": "random", "norm_mode": "train", "radius": 0.03137254901960784, "reset": "init", "share": 0.5}, "reference": true, "request": {"amount": 0.0, "column": "", "kind": "class", "picks": [3], "seed": 0}, "seed": 0, "weights": "", "weights_as": ""}','done',1,4,'default',1.0,'evaluate','measured',NULL,0,'2026-11-29T08:46:15.202+00:00','2026-11-29T08:46:15.221+00:00','2026-11-29T08:46:16.471+00:00',27817,2.98490199999809265127e+04,28071,2.98799500000476837158e+04,'cpu','','{"train": 0.0, "reference": 0.0, "precompute": 0.0, "unlearn": 0.3915261050024128, "evaluate": 0.7802677030013001}',1.5964548011327281074e+01,1,4,NULL,0);
CREATE TABLE studies (
        id text primary key,
        title text not null,
        plan text not null,                        -- JSON
        created_at text not null
    , cancelled integer not null default 0);
CREATE TABLE study_runs (
        study_id text not null references studies (id),
        run_id text not null references runs (id),
        variant integer not null, stands_in integer not null default 0,                  -- index in the plan's variants
        primary key (study_id, run_id)
    );
CREATE TABLE trash (
        id text primary key,                       -- of a run or a study
        title text not null,
        deleted_at text not null,
        content text not null,                     -- JSON: table -> its rows, so that they can be put back
        files text not null                        -- JSON: files of Artifacts that they name
    );
CREATE INDEX runs_by_status on runs (status, turn);
CREATE INDEX runs_by_turn on runs (turn);
CREATE INDEX study_runs_by_run on study_runs (run_id);
CREATE INDEX runs_by_served on runs (served);
CREATE INDEX companions_by_companion on companions (companion);
CREATE INDEX runs_by_dataset on runs (case when json_valid(spec) then json_extract(spec, '$.dataset') end, turn);
CREATE INDEX runs_by_model on runs (case when json_valid(spec) then json_extract(spec, '$.model') end, turn);
CREATE INDEX runs_by_method on runs (case when json_valid(spec) then json_extract(spec, '$.method') end, turn);
CREATE INDEX runs_by_kind on runs (case when json_valid(spec) then json_extract(spec, '$.request.kind') end, turn);
CREATE INDEX runs_by_seed on runs (
        case when json_valid(spec) then json_extract(spec, '$.seed') end,
        case when json_valid(spec) then json_extract(spec, '$.method') end);
CREATE TRIGGER finished_came after insert on runs when new.status = 'done'
        begin update finished_revision set value = value + 1; end;
CREATE TRIGGER finished_went after delete on runs when old.status = 'done'
        begin update finished_revision set value = value + 1; end;
CREATE TRIGGER finished_changed after update on runs when old.status = 'done' or new.status = 'done'
        begin update finished_revision set value = value + 1; end;
COMMIT;
