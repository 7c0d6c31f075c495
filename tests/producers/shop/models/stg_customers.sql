{{ config(materialized='view') }}
select id as customer_id, city from {{ ref('customers') }}
